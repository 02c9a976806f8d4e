"""Checkpoints of a training run that may be killed at any step.

A checkpoint is whole or not at all: TensorFlow writes it under another name
and points to it last. The trap: every random stream, moving statistic and
optimizer moment must be in it, or the resumed run is another run.
"""

import pathlib
import re
import shutil

import numpy as np
import tensorflow as tf

from mp_keras import error_texts
from mp_keras import files
from mp_keras import given_files

_POINTER = "checkpoint"  # where tf.train.latest_checkpoint looks
_FILE = re.compile(r"(ckpt-\d+)(\.|_temp)|checkpoint\.tmp")

_NAME = re.compile(r"ckpt-\d+", re.ASCII)


class Checkpoints:
    """Saves and restores a fixed set of variables, step by step.

    Which checkpoints there are is what the file `checkpoint` lists, in the
    format of `tf.train.CheckpointManager`; no decision depends on the clock.

    Args:
        directory: Path-like, made if it is missing.
        state: Dict from name to list of `tf.Variable`.
        keep: Int, default 2: newest checkpoints that are kept.

    Raises: OSError, naming the folder, if it cannot be made; ValueError, if
        its file `checkpoint` is damaged or lists what is not in it.
    """

    def __init__(self, directory, state, keep=2):
        self.directory = pathlib.Path(directory).absolute()
        with files.writing(self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
        self._state = state
        self._keep = keep
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._checkpoint = tf.train.Checkpoint(
            step=self._step, **{name: list(v) for name, v in state.items()}
        )
        # Oldest first; the last is the newest.
        self._paths = self._read_pointer()

    def save(self, step):
        """Saves the variables as they are after `step` steps.

        Raises: FloatingPointError, if one is not finite, for a run that goes
            on from it is lost; OSError, naming the checkpoint, if the disk
            does not take it. The older checkpoints stay.
        """
        self._check_finite(step)
        self._step.assign(step)
        path = str(self.directory / f"ckpt-{step}")
        self._checkpoint.save_counter.assign_add(1)
        with files.writing(path):
            self._checkpoint.write(path)
        others = [other for other in self._paths if other != path]
        self._paths = [*others, path][-self._keep :]
        self._write_pointer()
        self._remove_others()

    def _read_pointer(self):
        file = self.directory / _POINTER
        if not file.exists():
            return []
        given_files.check(file, given_files.TEXT_BYTES)
        try:
            listed = tf.train.get_checkpoint_state(str(self.directory))
            paths = list(listed.all_model_checkpoint_paths)
            found = error_texts.brief(paths)
        except Exception as error:  # it is no text, or no list
            paths, found = [], error_texts.named(error)
        places = [pathlib.Path(path) for path in paths]
        # A path that leads elsewhere would be read, and trusted.
        if not places or not all(
            _NAME.fullmatch(place.name) and place.parent == self.directory
            for place in places
        ):
            raise ValueError(
                f"File {file} must list checkpoints of its folder by their "
                "names, ckpt-STEP. Write those that are there into it, or "
                "remove it to begin at step 0. "
                f"Received: {found}"
            )
        return paths

    def _write_pointer(self):
        names = [pathlib.Path(path).name for path in self._paths]
        lines = [f'model_checkpoint_path: "{names[-1]}"']
        lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
        files.write_text(self.directory / _POINTER, "\n".join(lines) + "\n")

    def _remove_others(self):
        """Removes older checkpoints, and what killed processes have left."""
        files.remove_partial(self.directory)
        kept = {pathlib.Path(path).name for path in self._paths}
        for entry in self.directory.iterdir():
            found = _FILE.match(entry.name)
            if not found or found[1] in kept and found[2] == ".":
                continue
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)

    def _check_finite(self, step):
        for name, variables in self._state.items():
            for variable in variables:
                if variable.dtype.is_floating and not np.all(
                    np.isfinite(variable.numpy())
                ):
                    saved = self.latest_path or "none yet"
                    raise FloatingPointError(
                        f"All of `{name}` must be finite to be saved. "
                        f"Received: {variable.name} with other numbers at "
                        f"step {step}. The last good checkpoint is kept: "
                        f"{saved}"
                    )

    @property
    def latest_path(self):
        """Path of the newest checkpoint, or None."""
        return self._paths[-1] if self._paths else None

    @property
    def steps(self):
        """The steps of the checkpoints that are kept, oldest first."""
        return sorted(map(_step_of, self._paths))

    def restore(self, step=None):
        """Restores a checkpoint.

        Args:
            step: Int, one of `steps`; 0 for none, or None (default) for the
                newest.

        Returns: the number of steps it holds; 0, and nothing changes, when
            there is none.
        Raises: ValueError, if there is none of that step, or the checkpoint
            is damaged or belongs to another model; names it and says what to
            do.
        """
        path = self.latest_path
        if path is None and step is None or step == 0:
            return 0
        if step is not None:
            path = self._path_of(step)
        try:
            given_files.check_folder(self.directory)
            status = self._checkpoint.restore(path)
            status.assert_existing_objects_matched().assert_consumed()
        # A truncated file raises nearly anything, IndexError included.
        except Exception as error:
            raise ValueError(
                f"Checkpoint {path} must be a whole checkpoint of this run. "
                "Remove its files, and its lines in the file `checkpoint` "
                "beside them, to go on from an older one. Received: "
                f"{type(error).__name__}: {str(error).splitlines()[:1]}"
            ) from error
        return int(self._step.numpy())

    def _path_of(self, step):
        for path in self._paths:
            if _step_of(path) == step:
                return path
        raise ValueError(
            f"Argument `step` must be one of {self.steps}, the checkpoints in "
            f"{self.directory}. Received: step={step}"
        )


def _step_of(path):
    return int(path.rpartition("-")[2])
