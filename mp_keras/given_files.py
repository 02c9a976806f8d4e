"""Checks type and size of a user's file before a byte of it is read.

It may be a link to a device, which never ends, or a pipe, for which one waits.
"""

import os
import pathlib
import stat

from mp_keras import error_texts

# Most bytes of a file, by its kind; none of ours comes near.
TEXT_BYTES = 2**28  # JSON, a history of steps, names
IMAGE_BYTES = 2**28
GRAPH_BYTES = 2**31  # a `saved_model.pb`
DATA_BYTES = 2**42  # arrays, archives, weights
_KINDS = {
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def check(path, most_bytes):
    """Refuses what is no file of a sensible size; call it before you open it.

    Args:
        path: Path-like; links are followed.
        most_bytes: Int, the most that a file of this kind may have.

    Raises: FileNotFoundError or another OSError, if it is not there;
        ValueError, naming it, if it is a device, pipe, socket or folder, or
        larger.
    """
    status = os.stat(path)
    received = _KINDS.get(stat.S_IFMT(status.st_mode))
    if received is None and status.st_size > most_bytes:
        received = f"{status.st_size} bytes"
    if received is not None:
        raise ValueError(
            f"{error_texts.shown(path)} must be a file of at most {most_bytes} "
            f"bytes. Received: {received}"
        )


def check_folder(path):
    """Refuses a folder with something other than files and folders in it.

    Args:
        path: Path-like of a folder that is opened as a whole: a SavedModel,
            checkpoints.

    Raises: as `check`, for the first such thing.
    """
    for entry in sorted(pathlib.Path(path).rglob("*")):
        if not entry.is_dir():
            check(entry, DATA_BYTES)


def read(path, most_bytes):
    """Returns the bytes of a file, once `check` lets it pass."""
    check(path, most_bytes)
    return pathlib.Path(path).read_bytes()
