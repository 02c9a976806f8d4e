"""How a run goes on from its newest checkpoint."""

from absl import logging

from mp_keras import checkpointing
from pipeline.runs import learning_rates


def resume(run_kind, folder, steps, state, optimizer, rate, common_step=None):
    """Restores a run's state, and forgets what was logged after it.

    Args:
        run_kind: Str, for the log: "meta-training".
        folder: `RunFolder`.
        steps: Int, of the whole run.
        state: Dict from names to lists of variables, all that is trained.
        optimizer: `keras.optimizers.Optimizer`.
        rate: Its learning rate, float or schedule: after a stop
            (stopped_run.py) it may be another than the checkpoint's.
        common_step: Function from this process' steps with a checkpoint to the
            one to restore, or None for the newest.

    Returns: `Checkpoints` of the state, and the step to start from: 0 for a new
        run, `steps` for one that has trained all.
    Raises: ValueError, if a checkpoint is damaged or of another state.
    """
    checkpoints = checkpointing.Checkpoints(folder.checkpoints, state)
    step = common_step(checkpoints.steps) if common_step else None
    start_step = checkpoints.restore(step)
    learning_rates.restore_rate(optimizer, rate)
    folder.rewind(start_step)
    logging.info("%s from step %d of %d", run_kind, start_step, steps)
    return checkpoints, start_step
