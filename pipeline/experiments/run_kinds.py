"""Which run kind the cells of an experiment have: chosen here alone."""

from mp_keras import argument_checks
from pipeline.experiments import few_shot_runs
from pipeline.experiments import target_runs

_RUN_KINDS = {
    "target": target_runs.RUN_KIND,
    "few_shot": few_shot_runs.RUN_KIND,
}


def of(config):
    """Returns the `RunKind` of an experiment.

    Args:
        config: Config of `configs/experiments/`, with `task`.

    Raises: ValueError, with the valid ones, if there is no such run kind.
    """
    argument_checks.check_one_of("task", config.task, _RUN_KINDS, "Config key")
    return _RUN_KINDS[config.task]
