"""Finds and reads an archive: a zip file in place, or an unpacked folder.

Members of a zip file are read by name and never unpacked, so no name in it can
make a file appear outside the folder. The trap: a few kilobytes may unpack to
gigabytes, and a member may be longer than it says; so no more is unpacked than
was announced, and that is bounded.
"""

import pathlib
import posixpath
import zipfile

from mp_keras import error_texts
from mp_keras import given_files

# A member of a data set is an image or a table.
_MEMBER_LIMIT = 2**28  # bytes
# Ways of compression that unpack piece by piece.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def check_size(name, size):
    """Refuses a member of an archive that announces too many bytes.

    Args:
        name: Str, of the member.
        size: Int, bytes.

    Raises: ValueError, if they are more than 256 MiB.
    """
    if size > _MEMBER_LIMIT:
        raise ValueError(
            f"{name!r} of {size} bytes, where {_MEMBER_LIMIT} are the most"
        )


class FileArchive:
    """The files of a zip file or of a folder, by their names.

    Args:
        path: Path-like of the zip file or folder.

    Attributes:
        path: `pathlib.Path`.
        names: Sorted list of str, the files, with slashes; no folders.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the zip file is damaged or has two members of one name.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self._root = ""
        self._zip = None
        if self.path.is_dir():
            self.names = sorted(
                member.relative_to(self.path).as_posix()
                for member in self.path.rglob("*")
                if member.is_file()
            )
            return
        try:
            given_files.check(self.path, given_files.DATA_BYTES)
            self._zip = zipfile.ZipFile(self.path)
        except FileNotFoundError:
            raise
        # A damaged file raises nearly anything.
        except Exception as error:
            raise self._damaged(error) from error
        members = self._zip.namelist()
        self.names = sorted(name for name in members if name[-1:] != "/")
        twice = [a for a, b in zip(self.names, self.names[1:]) if a == b]
        if twice:
            raise self._damaged(f"two members of the name {twice[0]!r}")

    def descend(self, file):
        """Makes names relative to the folder of the uppermost `file`.

        Args:
            file: Str, a base name.

        Returns: bool, whether there is such a file; if not, all stays.
        """
        found = [n for n in self.names if posixpath.basename(n) == file]
        if not found:
            return False
        top = posixpath.dirname(min(found, key=lambda n: (n.count("/"), n)))
        if top:
            start = f"{top}/"
            self.names = [
                name.removeprefix(start)
                for name in self.names
                if name.startswith(start)
            ]
            self._root += start
        return True

    def read(self, name):
        """Returns the bytes of one file.

        Raises:
            ValueError: If the zip file is damaged, or the member encrypted,
                compressed in another way than deflate, or over 256 MiB.
        """
        if self._zip is None:
            file = self.path / self._root / name
            return given_files.read(file, _MEMBER_LIMIT)
        try:
            return self._unpack(self._zip.getinfo(self._root + name))
        except Exception as error:
            raise self._damaged(error) from error

    def _unpack(self, member):
        """Returns the bytes of a member, no more than it announces."""
        if member.compress_type not in _COMPRESSIONS:
            raise ValueError(
                f"{member.filename!r}, compressed in another way than deflate"
            )
        check_size(member.filename, member.file_size)
        with self._zip.open(member) as stream:
            # Its end is read as well, which checks the sum.
            content = stream.read(member.file_size) + stream.read(1)
        if len(content) != member.file_size:
            raise ValueError(
                f"{len(content)} bytes of {member.filename!r}, which "
                f"announces {member.file_size}"
            )
        return content

    def _damaged(self, error):
        return ValueError(
            f"{self.path} must be a complete zip file; download or copy it "
            f"again. Received: {error_texts.brief(error)}"
        )


def find_archive(folder, stem, title, instructions, itself=None):
    """Returns the path of the one archive in a folder.

    A copy whose name is `stem`, or `stem` and .zip, wins over others.

    Args:
        folder: Path-like, searched for zip files and folders whose names start
            with `stem`; upper case, "-" and "_" make no difference.
        stem: Str, lower case.
        title: Str, what the archive holds, for messages.
        instructions: Str, what to put where, for messages.
        itself: Str, name of a file that makes `folder` the archive; or None.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If there are several and none has the exact name.
    """
    folder = pathlib.Path(folder).expanduser()
    if itself is not None and (folder / itself).is_file():
        return folder
    found = [
        path
        for path in (sorted(folder.iterdir()) if folder.is_dir() else ())
        if _plain(path.name).startswith(_plain(stem))
        and (path.is_dir() or path.suffix == ".zip")
    ]
    exact = [p for p in found if p.name.removesuffix(".zip") == stem]
    if not found:
        raise FileNotFoundError(
            f"{title} must be in {folder}. {' '.join(instructions.split())} "
            "Received: neither"
        )
    if len(found) > 1 and not exact:
        raise ValueError(
            f"{folder} must hold one copy of {title}, or one named "
            f"{stem}.zip. Received: {[p.name for p in found]}"
        )
    return (exact or found)[0]


def _plain(name):
    return name.lower().replace("-", "").replace("_", "")
