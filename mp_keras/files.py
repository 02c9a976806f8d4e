"""Writes files and folders whole or not at all.

A process may be killed at any moment: everything is written beside its place,
under a name that begins with `PARTIAL`, and renamed into it.
"""

import contextlib
import ctypes
import errno
import json
import os
import pathlib
import shutil
import sys
import tempfile

from mp_keras import given_files

SAVED_MODEL = "saved_model.pb"  # what every SavedModel folder has
PARTIAL = ".partial-"  # what a killed process left under such a name is waste
_ADVICE = "make room, or allow it to be written, and run the same command again"
_DISK = {
    getattr(errno, name)
    for name in "ENOSPC EDQUOT EFBIG EROFS EACCES EPERM EIO".split()
}
_HERE = -100  # Linux' AT_FDCWD
_EXCHANGE = 2  # Linux' RENAME_EXCHANGE


def check_no_pattern(path):
    """Refuses a path that TensorFlow would take for a pattern of names.

    Args:
        path: Path-like or URI, where TensorFlow is to write or to read.

    Raises: ValueError.
    """
    if set("*?[]") & set(str(path)):
        raise ValueError(
            f"Path {path} must be without `*`, `?`, `[` and `]`, which "
            "TensorFlow takes for a pattern. Received: one with them"
        )


def write_text(path, text):
    """Writes a UTF-8 text file in one step; an old file stays until then.

    What UTF-8 does not know, as parts of file names, is written as \\udc80.

    Args:
        path: Path-like of the file; its folder must exist.
        text: Str.

    Raises: OSError, naming the file, if the disk does not take it.
    """
    # Names of files may hold bytes that are no text.
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path, content):
    """Writes a file in one step; an old file stays until then.

    Args:
        path: Path-like of the file; its folder must exist.
        content: Bytes.

    Raises: OSError, naming the file, if the disk does not take it.
    """
    with new_file(path) as temporary:
        temporary.write_bytes(content)


def write_json(path, value):
    """Writes `value` as indented JSON in one step."""
    # A lone surrogate becomes \udc80, which JSON reads back as it was.
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path):
    """Returns the value of a JSON file.

    Raises: as `given_files.read`; ValueError, naming the file, if it does not
        parse.
    """
    content = given_files.read(path, given_files.TEXT_BYTES)
    return parse_json(lambda: content.decode("utf-8"), path)


def parse_json(read, path):
    """Returns the value of the JSON that `read()` returns, str or bytes.

    Args:
        read: Function without arguments.
        path: What the error names.

    Raises: ValueError, if it does not parse; whatever else `read` raises.
    """
    try:
        return json.loads(read())
    # JSON's and UTF-8's errors are ValueErrors.
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"File {path} must be JSON. Received: {error}"
        ) from error


def file_stamps(folder):
    """Returns what tells whether the files of a folder have changed.

    Args:
        folder: Path-like.

    Returns: dict from relative path, with slashes, to size and time.
    """
    folder = pathlib.Path(folder)
    stamps = {}
    for file in folder.rglob("*"):
        if file.is_file():
            stat = file.stat()
            name = file.relative_to(folder).as_posix()
            stamps[name] = (stat.st_size, stat.st_mtime_ns)
    return stamps


@contextlib.contextmanager
def writing(path):
    """Says which file or folder it was when the disk does not take it.

    Raises: OSError of the same kind, naming `path` and what to do.
    """
    try:
        yield
    except Exception as error:
        number = _disk_problem(error)
        if number is None or _ADVICE in str(error):
            raise
        raise OSError(
            number,
            f"{path} must be writable, on a disk with room. What was good "
            f"before is kept: {_ADVICE}. Received: {os.strerror(number)}",
        ) from error


def _disk_problem(error):
    """Returns the number of the disk's error, or None if it is another one.

    TensorFlow's errors hold no number, but the system's words.
    """
    if isinstance(error, OSError):
        return error.errno if error.errno in _DISK else None
    for number in _DISK:
        if os.strerror(number) in str(error):
            return number
    return None


@contextlib.contextmanager
def new_file(path):
    """Yields the path of a file that becomes `path` when the block succeeds.

    It has the suffix of `path`. An old file at `path` stays until the new one
    is whole, and stays altogether if the block fails.

    Raises: OSError, naming the file, if the disk does not take it.
    """
    path = pathlib.Path(path)
    with writing(path):
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=PARTIAL, suffix=path.suffix
        )
        temporary = pathlib.Path(name)
        try:
            os.close(handle)
            yield temporary
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def new_directory(path, mark=None):
    """Yields an empty folder that becomes `path` when the block succeeds.

    An old folder at `path` stays until the new one is whole, and stays
    altogether if the block fails. The two change places in one step; where
    the system cannot do that, a process that is killed between two steps
    leaves the old folder beside `path`, under a name that ends in `-old`.

    Args:
        path: Path-like.
        mark: Str, name of a file: an old folder that has things in it and not
            this file is somebody's work, and not replaced; None (default)
            replaces any.

    Raises: OSError, naming the folder, if the disk does not take it;
        ValueError, if `path` is a file or a folder without its mark.
    """
    path = pathlib.Path(path)
    if mark is not None:
        _check_replaceable(path, mark)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = pathlib.Path(
            tempfile.mkdtemp(dir=path.parent, prefix=f"{PARTIAL}{path.name}-")
        )
        try:
            temporary.chmod(0o755)
            yield temporary
            if not path.exists():
                os.rename(temporary, path)
            elif not _exchange(temporary, path):
                _replace_in_two_steps(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _check_replaceable(path, mark):
    if not path.exists():
        return
    names = sorted(p.name for p in path.iterdir()) if path.is_dir() else None
    if names is None or (names and mark not in names):
        received = "a file" if names is None else f"a folder with {names[0]}"
        raise ValueError(
            f"Path {path} must be new, an empty folder, or an older one with "
            f"{mark}, which is replaced. Received: {received}"
        )


def remove_partial(folder):
    """Removes what killed processes left half-written in a folder.

    Args:
        folder: Path-like; nobody else may be writing in it.
    """
    for entry in pathlib.Path(folder).glob(f"{PARTIAL}*"):
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _exchange(one, other):
    """Lets two folders change places; returns whether the system can."""
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    if rename is None:
        return False
    paths = os.fsencode(one), os.fsencode(other)
    return rename(_HERE, paths[0], _HERE, paths[1], _EXCHANGE) == 0


def _replace_in_two_steps(temporary, path):
    old = temporary.with_name(f"{temporary.name}-old")
    os.rename(path, old)
    try:
        os.rename(temporary, path)
    except BaseException:
        os.rename(old, path)
        raise
    shutil.rmtree(old)
