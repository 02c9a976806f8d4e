"""Reads files of a manual folder: unpacked ones, or members of tar archives.

Members are read by their base name in one pass and never unpacked, so no name
in an archive can make a file appear anywhere. The trap: a few kilobytes may
unpack to gigabytes; what a member announces is bounded before it is read.
"""

import pathlib
import tarfile

from mp_keras import error_texts
from mp_keras import given_files
from pipeline.datasets import file_archive

_HEADER_LIMIT = 2**20  # bytes of a long name or of attributes
_CHUNK = 2**20  # bytes
_HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


class _Member(tarfile.TarInfo):
    """A member whose extended header, which is read at once, is bounded."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        member = super().frombuf(buf, encoding, errors)
        if member.type in _HEADERS and member.size > _HEADER_LIMIT:
            raise ValueError(f"a header of {member.size} bytes")
        return member


def manual_folder(dl_manager):
    """Returns TFDS's manual folder as a path.

    Raises:
        FileNotFoundError: If it is missing or empty; the message has the
            builder's instructions.
    """
    try:
        return pathlib.Path(dl_manager.manual_dir)
    except AssertionError as error:
        raise FileNotFoundError(str(error)) from error


def find(folder, names, instructions):
    """Returns the path of the first of `names` that is in the folder.

    Raises:
        FileNotFoundError: If none is.
    """
    for name in names:
        path = pathlib.Path(folder) / name
        if path.exists():
            return path
    raise FileNotFoundError(
        f"{' or '.join(names)} must be in {folder}. "
        f"{' '.join(instructions.split())} Received: none of them"
    )


def read_files(path, names):
    """Reads files of a folder or of a tar archive.

    Args:
        path: Folder, searched with all folders below, or tar archive,
            compressed or not.
        names: Base names of the files to read.

    Yields:
        `(name, bytes)`, sorted by path in a folder, else as they lie in the
        archive. Of several files of one name the first one comes.

    Raises:
        ValueError: If the archive is damaged, a name is missing, or its file
            is over 256 MiB.
    """
    path = pathlib.Path(path)
    wanted = set(names)
    total = len(wanted)
    files = _folder_files if path.is_dir() else _archive_files
    for name, content in files(path, wanted):
        wanted.discard(name)
        yield name, content
    if wanted:
        raise ValueError(
            f"{path} must hold the file {min(wanted)}. "
            f"Received: {total - len(wanted)} of {total} files"
        )


def _folder_files(path, wanted):
    for file in sorted(path.rglob("*")):
        if file.name in wanted and file.is_file():
            yield file.name, given_files.read(file, given_files.DATA_BYTES)


def _archive_files(path, wanted):
    """Yields from a stream: `wanted` shrinks while it is read."""
    try:
        given_files.check(path, given_files.DATA_BYTES)
        with tarfile.open(path, "r:*", tarinfo=_Member) as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if name in wanted and member.isreg():
                    yield name, _unpack(archive, member)
            while archive.fileobj.read(_CHUNK):  # to the sum at the end
                pass
    except FileNotFoundError:
        raise
    # A damaged file raises nearly anything.
    except Exception as error:
        raise ValueError(
            f"{path} must be a complete tar archive; download or copy it "
            f"again. Received: {error_texts.brief(error)}"
        ) from error


def _unpack(archive, member):
    file_archive.check_size(member.name, member.size)
    return archive.extractfile(member).read()
