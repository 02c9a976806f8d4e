"""Logs a training run window by window, and checkpoints it there.

A window is `log_every` steps. Its means go to `history.jsonl`, TensorBoard and
one progress line; then the metrics start anew. The trap: a checkpoint is only
taken where a window ends, so that a resumed run repeats whole windows and logs
the same numbers. Of several workers, all save checkpoints, and the chief logs.
"""

import math
import time

import keras
import tensorflow as tf
import tqdm

from pipeline.runs import position_summaries

# Names of Keras' logs -> TensorBoard tags.
_TAGS = {
    "loss": "train/loss",
    "accuracy": "train/accuracy",
    "task_loss": "task/loss",
    "task_accuracy": "task/accuracy",
    "held_out_loss": "held_out/loss",
    "held_out_accuracy": "held_out/accuracy",
    "task_grad_norm": "grad_norm/task",
    "task_weight_norm": "weight_norm/task",
    "task_update_norm": "update_norm/task",
    "perturb_grad_norm": "grad_norm/perturb",
    "perturb_weight_norm": "weight_norm/perturb",
    "perturb_update_norm": "update_norm/perturb",
    "support_loss": "support/loss",
    "query_loss": "query/loss",
    "query_accuracy": "query/accuracy",
    "outer_grad_norm": "grad_norm/outer",
    "outer_weight_norm": "weight_norm/outer",
    "outer_update_norm": "update_norm/outer",
    **{
        f"noise_share_{place}": f"noise/share_{place}"
        for place in (1, 2, 3, 4, "logits")
    },
    "validation_loss": "validation/loss",
    "validation_accuracy": "validation/accuracy",
    "test_loss": "test/loss",
    "test_accuracy": "test/accuracy",
    "step_ms": "time/step_ms",
}
_TIMED = (5, 20)  # steps: the first ones also make graphs
_SHOWN = ("held_out_loss", "query_loss", "loss")  # the first that there is
_CURE = (
    "What to try: a smaller `{}`. The same command with it goes on "
    "from there; in a `workdir` of its own, it starts anew"
)


class RunLog(keras.callbacks.Callback):
    """Writes history, TensorBoard and checkpoints; stops on a bad loss.

    Args:
        folder: `RunFolder`.
        checkpoints: `Checkpoints` of everything that the run must resume.
        steps: Int, the step that the training ends at: of the run, or of a
            phase of it.
        start_step: Int, steps done before, as `Checkpoints.restore` says.
        log_every: Int, steps of a window.
        checkpoint_every: Int: a checkpoint is taken at the first window's end
            at or after so many steps, and at the end.
        title: Str, what the progress line calls the run.
        inspect: Function without arguments that returns `PositionView`s to
            show in TensorBoard at each checkpoint, or None.
        evaluate: Function without arguments that returns a dict of further
            numbers to log at each checkpoint, or None.
        stopping: `EarlyStopping`, or None.
        diagnose: Function without arguments that returns a sentence on where
            numbers are not finite, or None.
        rate_key: Str, default "learning_rate": the config's key of the rate
            that is trained with.

    Raises: FloatingPointError, if a loss, or a number that is to be saved, is
        not finite; the checkpoints of before are kept.
    """

    def __init__(
        self,
        folder,
        checkpoints,
        *,
        steps,
        start_step,
        log_every,
        checkpoint_every,
        title,
        inspect=None,
        evaluate=None,
        stopping=None,
        diagnose=None,
        rate_key="learning_rate",
    ):
        super().__init__()
        self.folder = folder
        self.checkpoints = checkpoints
        self.steps = steps
        self.start_step = start_step
        self.log_every = log_every
        self.checkpoint_every = checkpoint_every
        self.title = title
        self.inspect = inspect
        self.evaluate = evaluate
        self.stopping = stopping
        self.diagnose = diagnose
        self.rate_key = rate_key

    def on_train_begin(self, logs=None):
        self._step = self._saved_step = self._logged_step = self.start_step
        self._began = self._window_began = time.monotonic()
        self._seconds_before = self.folder.seconds()
        self._timed_from = None
        self._writer = tf.summary.create_noop_writer()
        if self.folder.is_writer:
            self._writer = tf.summary.create_file_writer(
                str(self.folder.tensorboard)
            )

    def on_train_batch_end(self, batch, logs=None):
        self._step += 1
        self._stop_on_bad_loss(logs)
        if self.folder.is_writer:
            self._say_how_long()
        last = self._step == self.steps
        if self._step % self.log_every and not last:
            return
        window = {name: float(value) for name, value in logs.items()}
        seconds = time.monotonic() - self._window_began
        due = self._step - self._saved_step >= self.checkpoint_every or last
        if due and self.evaluate:
            window.update(self.evaluate())
        if self.folder.is_writer:
            self._log(window, seconds, due)
        self.model.reset_metrics()
        if due:
            if self.stopping:  # before the checkpoint that a run goes on from
                self.stopping.keep(self._step)
            self._save()
            self._saved_step = self._step
            spent = time.monotonic() - self._began
            self.folder.spend(self._seconds_before + spent)
            self.folder.publish()
            self._stop_early()
        self._window_began = time.monotonic()

    def on_train_end(self, logs=None):
        self._writer.close()

    def _say_how_long(self):
        """Prints how long the rest will take, once, after 20 steps."""
        first, last = _TIMED
        if self._step == self.start_step + first:
            self._timed_from = time.monotonic()
        elif self._step == self.start_step + last < self.steps:
            step = (time.monotonic() - self._timed_from) / (last - first)
            left = duration(step * (self.steps - self._step))
            print(f"{self.title}: {left} of training left", flush=True)

    def _stop_early(self):
        if (
            self.stopping
            and self._step < self.steps
            and self.stopping.is_over()
        ):
            best = self.stopping.best_step()
            print(
                f"{self.title}: stops at step {self._step}, for validation "
                f"was best at {best}",
                flush=True,
            )
            self.model.stop_training = True

    def _stop_on_bad_loss(self, logs):
        for name, value in logs.items():
            if name.endswith("loss") and not math.isfinite(float(value)):
                saved = self.checkpoints.latest_path or "none yet"
                self._stop(
                    f"The {name} must be finite. Received: {float(value)} at "
                    f"step {self._step} of {self.title}. The last good "
                    f"checkpoint is kept: {saved}"
                )

    def _save(self):
        try:
            self.checkpoints.save(self._step)
        except FloatingPointError as error:
            self._stop(str(error), error)

    def _stop(self, problem, cause=None):
        """Ends the run; it can go on from its newest checkpoint."""
        self.folder.stop(self._step, problem)
        where = self.diagnose() if self.diagnose else ""
        cure = _CURE.format(self.rate_key)
        sentences = [problem, where, cure] if where else [problem, cure]
        raise FloatingPointError(". ".join(sentences)) from cause

    def _log(self, window, seconds, due):
        steps = self._step - self._logged_step
        self._logged_step = self._step
        self.folder.append({"step": self._step, **window})
        numbers = {**window, "step_ms": 1000 * seconds / steps}
        with self._writer.as_default(step=self._step):
            for name, value in numbers.items():
                tf.summary.scalar(_TAGS.get(name, f"train/{name}"), value)
            if due and self.inspect:
                position_summaries.write(self.inspect())
        self._writer.flush()
        self._print(window)

    def _print(self, window):
        losses = [window[name] for name in _SHOWN if name in window]
        loss = losses[0] if losses else math.nan
        line = tqdm.tqdm.format_meter(
            self._step,
            self.steps,
            time.monotonic() - self._began,
            ncols=79,
            prefix=self.title,
            unit="step",
            initial=self.start_step,
            postfix=f"loss {loss:.3f}",
        )
        print(line, flush=True)


def duration(seconds):
    """Returns how long that is, in words: "about 9 minutes"."""
    if seconds < 60:
        return "less than a minute"
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        count = seconds / unit
        if count >= 1.5 or unit == 60:
            text = (
                f"{count:.1f}" if unit > 60 and count < 10 else f"{count:.0f}"
            )
            plural = "" if text == "1" else "s"
            return f"about {text.removesuffix('.0')} {name}{plural}"
