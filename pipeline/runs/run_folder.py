"""The working folder of a run: how it resumes, and what all runs leave.

config.json      what was asked for; another config is refused
chosen.json      what of the config the data decided, if it said 0
data.json        which images those are: other ones are refused
weights.json     digest of the file that a pretrained network began with
lock             held by the process that trains here, as long as it lives
history.jsonl    one line of means per logging window
seconds.json     time spent, over all the processes of the run
checkpoints/     the newest states; gone through until `result.json`
best/            the best state, where early stopping was asked for
tensorboard/     event files
stops.json       where it stopped on numbers that are not finite, if it did
result.json      written last: the run is finished

What a kind of run adds, as a target training its `model.keras`, is in the
module that writes it, and all of it in docs/command_line.md.

Of several workers that train one run, in one shared folder, the chief alone
writes all this; each keeps its own checkpoints, `checkpoints/worker_1`, for its
tasks are nowhere else, and its own lock.

A folder in an object store is worked on in a copy on this machine, which is
carried over at every checkpoint; who trains there holds a lease (storage/).
"""

import fcntl
import json
import os
import pathlib
import shutil

from mp_keras import files
from pipeline import digests
from pipeline.runs import config_values
from pipeline.runs import earlier_configs
from pipeline.runs import run_configs
from pipeline.runs import run_records
from pipeline.runs import stopped_run
from pipeline.storage import artifact_store
from pipeline.storage import lease

_WEIGHTS = "weights.json"
_OUTPUTS = (  # of a run, whose config.json was there before them
    "model.keras",
    "deterministic.keras",
    "predictions.npz",
    "saved_model",
    "phi",
    "report.html",
    "result.json",
)


class RunFolder:
    """One run's folder.

    Args:
        path: Path-like, made by `start` if it is missing; or a URI.
        config: JSON-compatible dict of everything that decides the result.
        cluster: `Cluster` of the run's workers, or None (default) for one
            process. Their number belongs to the config.

    Attributes: `path`, the folder on this machine.
    Raises: ValueError, if a value of the config is impossible, or the folder
        holds a run with another config, of which it names the first
        difference, or no run but what a run would replace. After a
        stop, the learning rate may change (stopped_run.py). ConnectionError,
        if the store of a URI cannot be reached.
    """

    def __init__(self, path, config, cluster=None):
        config_values.check(config)
        self._mirror = None
        files.check_no_pattern(path)
        self.path = pathlib.Path(path).expanduser()
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
        self._lock = self._lease = None
        self._data = self._weights = None
        self._choices = {}
        file = self.path / "config.json"
        others = [name for name in _OUTPUTS if (self.path / name).exists()]
        if others and not file.exists():
            raise ValueError(
                f"Folder {path} must be new, or that of a run, which would "
                f"replace what it holds. Received: no run's folder, with "
                f"{', '.join(others)}"
            )
        if file.exists():
            stored = run_records.read_object(file)
            if earlier_configs.is_cut_otherwise(stored) and not self.result():
                raise ValueError(
                    f"Folder {path} must be that of a finished run, or of one "
                    "that this version began. Received: one by a version that "
                    "cut the validation part off before `examples_per_class`; "
                    "train it again, in a `workdir` of its own"
                )
            old = earlier_configs.upgraded(stored)
            changeable = stopped_run.changeable(self.path, old)
            run_configs.check_same(path, old, self._config, changeable)

    def start(self):
        """Writes `data.json` and `config.json`: the folder is now the run's.

        Called when data and model are made, so that a config which fails
        there can be corrected in the same folder.
        """
        with files.writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        self._claim()
        if self.is_writer:
            if self._choices:
                files.write_json(self.path / run_configs.CHOSEN, self._choices)
            if self._weights is not None:
                files.write_json(self.path / _WEIGHTS, self._weights)
            if self._data is not None:
                files.write_json(self.path / "data.json", self._data)
            files.write_json(self.path / "config.json", self._config)

    def noted_data(self):
        """Returns the record of the run's data, or None before it has begun.

        Runs of earlier versions have none.
        """
        return read_data_record(self.path)

    def note_data(self, record):
        """Keeps the record of the run's data for `start`.

        Args:
            record: As `ImageData` has it.
        """
        self._data = record

    def note_weights(self, file, digest):
        """Keeps the digest of the weights to begin with for `start`.

        Args:
            file: Str, the file's path, for the error.
            digest: Str.

        Raises: ValueError, if the run began with other ones.
        """
        noted = self.path / _WEIGHTS
        self._weights = {"digest": digest}
        if noted.exists() and run_records.read_object(noted) != self._weights:
            raise ValueError(
                f"File {file} must hold the weights that this run began with; "
                "other ones need a workdir of their own. "
                f"Received: a file of digest {digest}"
            )

    def choices(self):
        """Returns what of the config was decided when the run began, or {}."""
        return run_configs.read_choices(self.path)

    def note_choices(self, choices):
        """Keeps what the data decided for `start`.

        Args:
            choices: Dict from keys of the config to values.
        """
        self._choices = choices

    def _claim(self):
        """Locks the folder until this process ends, however it ends.

        What killed processes left half-written is then removed.

        Raises: ValueError, if another process trains here.
        """
        if self._lock is not None:
            return
        if self._mirror is not None:
            self._lease = lease.Lease(self._mirror.uri)
        with files.writing(self._lock_path):
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
        files.remove_partial(self.checkpoints)
        if self.is_writer:
            files.remove_partial(self.path)

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

    def export(self, name):
        """Returns the path of a SavedModel of this run, to be written.

        What a killed upload left of it in a store is removed: an export
        replaces whole SavedModels alone.

        Args:
            name: Str, of the folder in this one.
        """
        path = self.path / name
        if path.is_dir() and not (path / files.SAVED_MODEL).exists():
            shutil.rmtree(path)
        return path

    def result(self):
        """Returns the finished run's result, or None."""
        file = self.path / "result.json"
        return run_records.read_object(file) if file.exists() else None

    def finish(self, result):
        """Writes `result.json`, the last thing a run does."""
        if self.is_writer:
            files.write_json(self.path / "result.json", result)
        self.publish()
        self.release()

    def publish(self):
        """Carries what is new over to the store, if the folder is in one."""
        if self._mirror is not None:
            if self._lease is not None:
                self._lease.check()
            self._mirror.push()

    def release(self):
        """Unlocks the folder."""
        if self._lease is not None:
            self._lease.release()
            self._lease = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None
            self._lock_path.unlink(missing_ok=True)

    def stop(self, step, problem):
        """Notes that numbers were not finite: the learning rate may change."""
        if self.is_writer:
            stopped_run.note(self.path, step, problem, self._config)
        self.publish()

    def history(self):
        """Returns the logged windows as a list of dicts, oldest first."""
        return run_records.read_windows(self.path / "history.jsonl")

    def last_window(self):
        """Returns the newest logged window of a run that has trained.

        Raises: ValueError, if there is none.
        """
        history = self.history()
        if not history:
            raise ValueError(
                f"Folder {self.path} must have history.jsonl, with what was "
                "logged up to the last checkpoint. Put it back, or remove "
                "checkpoints/ to train again. Received: none, or an empty one"
            )
        return history[-1]

    def rewind(self, step):
        """Forgets the windows after `step`, which will be logged again."""
        file = self.path / "history.jsonl"
        if not self.is_writer or not file.exists():
            return
        self._claim()
        kept = [
            json.dumps(window) + "\n"
            for window in run_records.read_windows(file)
            if window["step"] <= step
        ]
        files.write_text(file, "".join(kept))

    def seconds(self):
        """Returns the seconds that all processes spent on this run so far."""
        file = self.path / "seconds.json"
        return run_records.read_seconds(file) if file.exists() else 0.0

    def spend(self, seconds):
        """Notes the seconds spent so far, those of other processes included."""
        if self.is_writer:
            files.write_json(self.path / "seconds.json", round(seconds, 1))

    def append(self, window):
        """Adds one window to the history."""
        if not self.is_writer:
            return
        path = self.path / "history.jsonl"
        with files.writing(path), open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(window) + "\n")


def read_data_record(path):
    """Returns what `data.json` of a run's folder holds, or None without one.

    Args:
        path: Path of the folder on this machine.
    """
    file = path / "data.json"
    return run_records.read_object(file) if file.exists() else None


def read_files_record(path):
    """Returns the record of a run's image files, for others to have the same.

    None, if it has not begun, or its source is no list of files: arrays have
    the digest of their pixels, which another `image_size` changes.

    Args:
        path: Path of the folder on this machine.
    """
    record = read_data_record(path)
    return record if record and "train" in record else None


def resumable_path(runs, stage, config, fingerprint):
    """Returns the place of the one run that these arguments describe.

    Args:
        runs: Path-like or URI, folder of all runs.
        stage: Str, first part of the folder's name.
        config: `ConfigDict`; every value of it counts.
        fingerprint: Str that stands for the data and the software.
    """
    digest = digests.of_json([config.to_dict(), fingerprint])
    return f"{artifact_store.resolved(runs)}/{stage}-{digest}"


def _check_alone(path, cluster):
    if cluster is not None and cluster.size > 1:
        raise ValueError(
            "Several workers need a folder that all of them can write, not a "
            f"copy each. Received: {path}"
        )
