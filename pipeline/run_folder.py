"""The working folder of a run: everything it leaves, and how it resumes.

config.json      what was asked for; another config is refused
lock             held by the process that trains here, as long as it lives
history.jsonl    one line of means per logging window
seconds.json     time spent, over all the processes of the run
checkpoints/     the newest states; gone through until `result.json`
tensorboard/     event files
result.json      written last: the run is finished

Of several workers that train one run, in one shared folder, the chief alone
writes all this; each keeps its own checkpoints, `checkpoints/worker_1`, for its
tasks are nowhere else, and its own lock.

A folder in an object store is worked on in a copy on this machine, which is
carried over at every checkpoint.
"""

import fcntl
import hashlib
import json
import os
import pathlib

from mp_keras import files
from pipeline import artifact_store

# Keys that say where something lies, and decide nothing.
PLACES = ("data.manual_dir",)


class RunFolder:
    """One run's folder.

    Args:
        path: Path-like, made by `start` if it is missing; or a URI.
        config: JSON-compatible dict of everything that decides the result.
        cluster: `Cluster` of the run's workers, or None (default) for one
            process. Their number belongs to the config.

    Attributes: `path`, the folder on this machine.
    Raises: ValueError, if the folder holds a run with another config; names
        the first difference. ConnectionError, if the store of a URI cannot be
        reached.
    """

    def __init__(self, path, config, cluster=None):
        self._mirror = None
        self.path = pathlib.Path(path)
        if artifact_store.is_uri(path):
            _check_alone(path, cluster)
            self._mirror = artifact_store.Mirror(path)
            self.path = self._mirror.path
        self._config = json.loads(json.dumps(config))  # tuples become lists
        self._member = ""
        if cluster is not None and cluster.size > 1:
            self._config["workers"] = cluster.size
            self._member = cluster.name.replace(" ", "_")
        self.is_writer = cluster is None or cluster.is_chief
        self._lock = None
        file = self.path / "config.json"
        if file.exists():
            _check_same(path, files.read_json(file), self._config)

    def start(self):
        """Writes `config.json`: from here on the folder belongs to the run.

        Called when data and model are made, so that a config which fails
        there can be corrected in the same folder.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self._claim()
        if self.is_writer:
            files.write_json(self.path / "config.json", self._config)

    def _claim(self):
        """Locks the folder until this process ends, however it ends.

        Raises: ValueError, if another process trains here.
        """
        if self._lock is not None:
            return
        lock = open(self._lock_path, "a+", encoding="utf-8")
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise ValueError(
                f"Folder {self.path} must not be in use by another run. "
                f"Received: one that process {lock.read().strip()} trains in"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    @property
    def _lock_path(self):
        own = "" if self.is_writer else f".{self._member}"
        return self.path / f"lock{own}"

    @property
    def checkpoints(self):
        return self.path / "checkpoints" / self._member

    @property
    def tensorboard(self):
        return self.path / "tensorboard"

    def result(self):
        """Returns the finished run's result, or None."""
        file = self.path / "result.json"
        return files.read_json(file) if file.exists() else None

    def finish(self, result):
        """Writes `result.json`, the last thing a run does."""
        if self.is_writer:
            files.write_json(self.path / "result.json", result)
        self.publish()
        self.release()

    def publish(self):
        """Carries what is new over to the store, if the folder is in one."""
        if self._mirror is not None:
            self._mirror.push()

    def release(self):
        """Unlocks the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
            self._lock_path.unlink(missing_ok=True)

    def history(self):
        """Returns the logged windows as a list of dicts, oldest first."""
        file = self.path / "history.jsonl"
        if not file.exists():
            return []
        lines = file.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def rewind(self, step):
        """Forgets the windows after `step`, which will be logged again."""
        file = self.path / "history.jsonl"
        if not self.is_writer or not file.exists():
            return
        self._claim()
        kept = []
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                window = json.loads(line)
            except ValueError:  # the run was killed while it wrote this line
                break
            if window["step"] <= step:
                kept.append(line + "\n")
        files.write_text(file, "".join(kept))

    def seconds(self):
        """Returns the seconds that all processes spent on this run so far."""
        file = self.path / "seconds.json"
        return files.read_json(file) if file.exists() else 0.0

    def spend(self, seconds):
        """Notes the seconds spent so far, those of other processes included."""
        if self.is_writer:
            files.write_json(self.path / "seconds.json", round(seconds, 1))

    def append(self, window):
        """Adds one window to the history."""
        if not self.is_writer:
            return
        with open(self.path / "history.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(window) + "\n")


def resumable_path(runs, stage, config, fingerprint):
    """Returns the place of the one run that these arguments describe.

    Args:
        runs: Path-like or URI, folder of all runs.
        stage: Str, first part of the folder's name.
        config: `ConfigDict`; every value of it counts.
        fingerprint: Str that stands for the data and the software.
    """
    text = json.dumps([config.to_dict(), fingerprint], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{artifact_store.resolved(runs)}/{stage}-{digest}"


def first_difference(old, new):
    """Returns the first key in which two configs differ, or None.

    Args:
        old: JSON-compatible dict, nested or not; so is `new`.

    Returns: "data.source" and the two values; "nothing" for a missing one.
    """
    old, new = _flat(old), _flat(new)
    for key in sorted((old.keys() | new.keys()).difference(PLACES)):
        was, now = old.get(key, "nothing"), new.get(key, "nothing")
        if was != now:
            return key, was, now
    return None


def _check_alone(path, cluster):
    if cluster is not None and cluster.size > 1:
        raise ValueError(
            "Several workers need a folder that all of them can write, not a "
            f"copy each. Received: {path}"
        )


def _check_same(path, old, new):
    difference = first_difference(old, new)
    if difference:
        key, was, now = difference
        raise ValueError(
            f"Folder {path} holds a run with {key}={was!r}. Give this run a "
            "`workdir` of its own, or the same config to resume. "
            f"Received: {key}={now!r}"
        )


def _flat(config, prefix=""):
    """Returns {"data.source": ...} for {"data": {"source": ...}}."""
    flat = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
