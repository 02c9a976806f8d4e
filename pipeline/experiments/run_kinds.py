"""Which kind of run the cells of an experiment are: chosen here alone.

A kind is a module with

    SECTION           key of the config that its cells start from
    METHOD            key in it of the method's name, after which the section
                      with the method's hyperparameters is named, if it has any
    OPEN_SECTIONS     sections of it that take keys of any name
    DECIMALS          of figures in its tables, where not the usual ones
    NOTE              what its intervals are, below the title of a table
    train             function (run config, folder, data_dir) to the result
    protocol          function from a run config to a part of a sentence
    kept_in_memory    context that keeps the data of one run for the next
    open_run          function (run config, folder, data_dir) for measures
    MEASURES          {name: function of an open run and settings}
"""

from pipeline.experiments import few_shot_runs
from pipeline.experiments import target_runs

_KINDS = {"target": target_runs, "few_shot": few_shot_runs}


def of(config):
    """Returns the module of an experiment's kind of runs.

    Args:
        config: Config of `configs/experiments/`, with `task`.

    Raises: ValueError, with the valid ones, if there is no such kind.
    """
    if config.task not in _KINDS:
        raise ValueError(
            f"Config key `task` must be one of {tuple(_KINDS)}. "
            f"Received: task={config.task!r}"
        )
    return _KINDS[config.task]
