"""Files and folders that are there whole or not at all.

A process may be killed at any moment: everything is written beside its place
and renamed into it.
"""

import contextlib
import json
import os
import pathlib
import shutil
import tempfile


def write_text(path, text):
    """Writes a UTF-8 text file in one step; an old file stays until then.

    Args:
        path: Path-like of the file; its folder must exist.
        text: Str.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path, content):
    """Writes a file in one step; an old file stays until then.

    Args:
        path: Path-like of the file; its folder must exist.
        content: Bytes.
    """
    path = pathlib.Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".partial-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        pathlib.Path(temporary).chmod(0o644)
        os.replace(temporary, path)
    finally:
        pathlib.Path(temporary).unlink(missing_ok=True)


def write_json(path, value):
    """Writes `value` as indented JSON in one step."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path):
    """Returns the value of a JSON file.

    Raises: FileNotFoundError; ValueError, naming the file, if it does not
        parse.
    """
    try:
        return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # JSON and UTF-8 errors are ValueErrors
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
def new_directory(path):
    """Yields an empty folder that becomes `path` when the block succeeds.

    An old folder at `path` stays until the new one is whole, and stays
    altogether if the block fails.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = pathlib.Path(
        tempfile.mkdtemp(dir=path.parent, prefix=f".partial-{path.name}-")
    )
    temporary.chmod(0o755)
    try:
        yield temporary
        if path.exists():
            old = temporary.with_name(f"{temporary.name}-old")
            os.rename(path, old)
            try:
                os.rename(temporary, path)
            except BaseException:
                os.rename(old, path)
                raise
            shutil.rmtree(old)
        else:
            os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
