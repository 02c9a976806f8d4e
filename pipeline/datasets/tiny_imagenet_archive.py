"""Finds and reads Tiny ImageNet: a zip file in place, or an unpacked folder.

Members of a zip file are read by name and never unpacked, so no name in it can
make a file appear outside the folder.
"""

import pathlib
import posixpath
import zipfile
import zlib

INSTRUCTIONS = """\
Put http://cs231n.stanford.edu/tiny-imagenet-200.zip, or another zip file or
unpacked folder whose name starts with tiny-imagenet-200, into this folder.
"""
_STEM = "tiny-imagenet-200"


class FolderArchive:
    """The files of an unpacked archive, by their names below the root."""

    def __init__(self, path):
        self._root = _find_root(
            path,
            [p.relative_to(path).as_posix() for p in path.rglob("wnids.txt")],
        )
        self._path = path
        top = path / self._root
        self.names = sorted(
            member.relative_to(top).as_posix()
            for member in top.rglob("*")
            if member.is_file()
        )

    def read(self, name):
        """Returns the bytes of one file."""
        return (self._path / self._root / name).read_bytes()


class ZipArchive:
    """The members of a zip file, by their names below the root."""

    def __init__(self, path):
        self._path = path
        try:
            self._file = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise _damaged(path, error) from error
        members = self._file.namelist()
        self._root = _find_root(path, members)
        self.names = sorted(
            posixpath.relpath(member, self._root or ".")
            for member in members
            if member.startswith(self._root) and not member.endswith("/")
        )

    def read(self, name):
        """Returns the bytes of one member."""
        try:
            return self._file.read(posixpath.join(self._root, name))
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise _damaged(self._path, error) from error


def _find_root(path, members):
    """Returns the folder of the uppermost wnids.txt inside `path`."""
    found = [m for m in members if posixpath.basename(m) == "wnids.txt"]
    if not found:
        raise ValueError(
            f"{path} must hold wnids.txt, train and val of Tiny ImageNet. "
            "Received: no wnids.txt"
        )
    return posixpath.dirname(min(found, key=lambda m: (m.count("/"), m)))


def _damaged(path, error):
    return ValueError(
        f"{path} must be a complete zip file; download or copy it again. "
        f"Received: {error}"
    )


def open_archive(manual_dir):
    """Returns the archive in the folder, the original's name first.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is ambiguous, damaged or something else.
    """
    found = [
        path
        for path in sorted(pathlib.Path(manual_dir).glob("tiny-imagenet-200*"))
        if path.is_dir() or path.suffix == ".zip"
    ]
    exact = [p for p in found if p.name.removesuffix(".zip") == _STEM]
    chosen = exact or found
    if not chosen:
        raise FileNotFoundError(
            f"Tiny ImageNet must be in {manual_dir}. {INSTRUCTIONS}"
            "Received: neither"
        )
    if len(found) > 1 and not exact:
        raise ValueError(
            f"{manual_dir} must hold one copy of Tiny ImageNet, or one named "
            f"tiny-imagenet-200.zip. Received: {[p.name for p in found]}"
        )
    kind = FolderArchive if chosen[0].is_dir() else ZipArchive
    return kind(chosen[0])
