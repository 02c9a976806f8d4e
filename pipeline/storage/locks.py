"""File locks, which the system releases however their process ends.

The trap: they are a process' own. A second lock in the same process succeeds,
and closing any other handle of the file lets go of it.
"""

import contextlib
import fcntl
import os
import pathlib
import threading


@contextlib.contextmanager
def held(path, wait=False):
    """Holds the lock of a file within the block, if it can be had.

    Args:
        path: Path-like, made with its folder if it is missing; it stays.
        wait: Bool, default False: until another process lets go of it.

    Yields: bool, whether it is held.
    Raises: OSError, if the file cannot be written.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


def end_with_holder(path):
    """Ends this process as soon as nobody holds the lock of a file.

    Whoever started it holds the lock: it ends with that process, also with one
    that is killed.

    Args:
        path: Path-like of a lock that another process holds now.
    """

    def wait():
        with held(path, wait=True):
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
