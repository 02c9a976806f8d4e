"""Which kind of run the cells of an experiment are: chosen here alone."""

from mp_keras import argument_checks
from pipeline.experiments import few_shot_runs
from pipeline.experiments import target_runs

_KINDS = {"target": target_runs.KIND, "few_shot": few_shot_runs.KIND}


def of(config):
    """Returns the `RunKind` of an experiment.

    Args:
        config: Config of `configs/experiments/`, with `task`.

    Raises: ValueError, with the valid ones, if there is no such kind.
    """
    argument_checks.check_one_of("task", config.task, _KINDS, "Config key")
    return _KINDS[config.task]
