"""Ends a training when the validation likelihood has stopped improving.

The trap: while noise is faded in, a network gets worse before it gets better,
and its form with half of the noise is not what is wanted. Only checkpoints at
which the noise is all there count.
"""

import math

from mp_keras import checkpointing


class EarlyStopping:
    """Keeps the best checkpoint of a run, and stops it after some worse ones.

    Which is best is told from the run's history, so a run that was killed
    decides as one that was not.

    Args:
        folder: `RunFolder`, whose windows have a `validation_loss` at each
            checkpoint.
        state: Dict from name to variables, as `Checkpoints` takes it.
        patience: Int >= 1, checkpoints without a better one.
        first_step: Int, from which on the noise is all there.
    """

    def __init__(self, folder, state, patience, first_step):
        self.folder = folder
        self.patience = patience
        self.first_step = first_step
        self.best = checkpointing.Checkpoints(
            folder.path / "best", state, keep=1
        )

    def keep(self, step):
        """Saves the state, if the last window of the history is the best."""
        if self.best_step() == step:
            self.best.save(step)

    def is_over(self):
        """Returns whether `patience` checkpoints were worse than the best."""
        return len(self._losses_after(self.best_step())) >= self.patience

    def best_step(self):
        """Returns the step of the best checkpoint, or None before there is."""
        losses = self._losses()
        return min(losses, key=losses.get) if losses else None

    def restore(self):
        """Restores the best state, if there is one; returns its step."""
        step = self.best_step()
        if step is not None:
            self.best.restore(step)
        return step

    def _losses(self):
        return {
            window["step"]: window["validation_loss"]
            for window in self.folder.history()
            if window["step"] >= self.first_step
            and math.isfinite(window.get("validation_loss", math.inf))
        }

    def _losses_after(self, step):
        if step is None:
            return []
        return [other for other in self._losses() if other > step]
