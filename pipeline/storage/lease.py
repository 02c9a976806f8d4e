"""A lease of a folder in a store, where no system keeps locks.

    take:    somebody's lease is there -> watch it: renewed, refuse; still, take
             write our own, wait, read again: of two that wrote, the last has it
    renew:   in a thread, as long as the holder lives, if it is still ours
    check:   before every upload

A lease says who holds it, and a number that changes. No clock of another
machine is trusted: a holder is dead when the number has not changed for some
time here, or when it is a process of this machine that is gone.
"""

import json
import os
import socket
import threading
import time
import uuid
import weakref

from absl import logging

from mp_keras import files
from pipeline.storage import artifact_store

NAME = "lease.json"
_RENEW_S = 15
_DEAD_S = 4 * _RENEW_S  # without a new number
_LOOK_S = 1
_SETTLE_S = 1  # until somebody who wrote at the same time has written


class Lease:
    """The right to write in a folder of a store.

    Args:
        uri: Str, the folder.

    Raises: ValueError, if another process has it and renews it;
        ConnectionError, if the store cannot be reached. The file is the first
        thing that is written there.
    """

    def __init__(self, uri):
        self._uri = uri
        self._own = {
            "host": socket.gethostname(),
            "process": os.getpid(),
            "token": uuid.uuid4().hex,
        }
        self._number = 0
        self._ended = threading.Event()
        self._wait_for_other()
        self._write()
        time.sleep(_SETTLE_S)
        self.check()
        threading.Thread(
            target=_keep_renewing,
            args=(weakref.ref(self), self._ended),
            daemon=True,
        ).start()

    def check(self):
        """Raises ValueError, if somebody else has taken the lease."""
        found = _read(self._uri)
        if not found:  # somebody has removed it, and holds none
            self._write()
        elif found.get("token") != self._own["token"]:
            self._ended.set()
            raise _refusal(self._uri, found)

    def release(self):
        """Gives the lease back, if it is still ours."""
        self._ended.set()
        if _read(self._uri).get("token") == self._own["token"]:
            artifact_store.remove(f"{self._uri}/{NAME}")

    def renew(self):
        """Writes the next number."""
        self.check()
        self._number += 1
        self._write()

    def _write(self):
        content = json.dumps({**self._own, "number": self._number})
        artifact_store.write_bytes(f"{self._uri}/{NAME}", content.encode())

    def _wait_for_other(self):
        found = _read(self._uri)
        if not found or self._is_gone(found):
            return
        logging.warning(
            "%s: waits up to %d s for process %s on %s, which may be gone",
            self._uri,
            _DEAD_S,
            found.get("process"),
            found.get("host"),
        )
        deadline = time.monotonic() + _DEAD_S
        while time.monotonic() < deadline:
            time.sleep(_LOOK_S)
            now = _read(self._uri)
            if not now:
                return
            if now != found:
                raise _refusal(self._uri, now)

    def _is_gone(self, found):
        """Returns whether a holder was a process here, and is no more."""
        process = found.get("process")
        if found.get("host") != self._own["host"] or type(process) is not int:
            return False
        if process == os.getpid():  # an earlier training of this process
            return True
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        except (OSError, OverflowError):
            pass
        return False


def _keep_renewing(lease, ended):
    while not ended.wait(_RENEW_S):
        own = lease()
        if own is None:
            return
        try:
            own.renew()
        except ValueError:  # its holder is told at the next upload
            return
        except OSError as error:  # the store, for a while
            logging.warning("%s", error)
        del own


def _read(uri):
    """Returns the lease of a folder, {} if there is none."""
    try:
        found = files.parse_json(
            lambda: artifact_store.read_bytes(f"{uri}/{NAME}"), f"{uri}/{NAME}"
        )
    except (FileNotFoundError, ValueError):  # or it is being written
        return {}
    return found if isinstance(found, dict) else {}


def _refusal(uri, found):
    return ValueError(
        f"Folder {uri} must not be in use by another run. Received: one that "
        f"process {found.get('process')!r} on {found.get('host')!r} trains in"
    )
