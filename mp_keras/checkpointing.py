"""Checkpoints of a training run that may be killed at any step.

A checkpoint is whole or not at all: TensorFlow writes it under another name
and points to it last. The trap: every random stream, moving statistic and
optimizer moment must be in it, or the resumed run is another run.
"""

import pathlib

import numpy as np
import tensorflow as tf


class Checkpoints:
    """Saves and restores a fixed set of variables, step by step.

    Args:
        directory: Path-like, made if it is missing.
        state: Dict from name to list of `tf.Variable`.
        keep: Int, default 2: newest checkpoints that are kept.
    """

    def __init__(self, directory, state, keep=2):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._state = state
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._checkpoint = tf.train.Checkpoint(
            step=self._step, **{name: list(v) for name, v in state.items()}
        )
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(self.directory), max_to_keep=keep
        )

    def save(self, step):
        """Saves the variables as they are after `step` steps.

        Raises: FloatingPointError, if one is not finite, for a run that goes
            on from it is lost; the older checkpoints stay.
        """
        self._check_finite(step)
        self._step.assign(step)
        self._manager.save(checkpoint_number=step)

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
        return self._manager.latest_checkpoint

    @property
    def steps(self):
        """The steps of the checkpoints that are kept, oldest first."""
        return sorted(map(_step_of, self._manager.checkpoints))

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
        for path in self._manager.checkpoints:
            if _step_of(path) == step:
                return path
        raise ValueError(
            f"Argument `step` must be one of {self.steps}, the checkpoints in "
            f"{self.directory}. Received: step={step}"
        )


def _step_of(path):
    return int(path.rpartition("-")[2])
