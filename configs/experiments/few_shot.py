"""What the experiments of Meta Dropout (ICLR 2020) share.

`paper`: the protocol of section 4: 40,000 steps on Omniglot, 60,000 on
miniImageNet, 1,000 test episodes, 1 seed. `cpu`: what two CPU cores finish in
a night: Omniglot's two small sets, miniImageNet as far as it is there, 16
channels, 1,000 steps, 600 test episodes. `smoke`: seconds, on bundled
data.
"""

import dataclasses

from configs.experiments import base
from configs.experiments import empty
from configs.experiments import row as row_module
from configs.few_shot import mini_imagenet
from configs.few_shot import omniglot

OMNIGLOT_1 = "Omniglot 20-way 1-shot"
OMNIGLOT_5 = "Omniglot 20-way 5-shot"
MINI_IMAGENET_1 = "miniImageNet 5-way 1-shot"
MINI_IMAGENET_5 = "miniImageNet 5-way 5-shot"
SMALL_STEPS = 1000

_TASKS = {  # name in the paper's tables -> its config, and the argument
    OMNIGLOT_1: (omniglot, "20way_1shot"),
    OMNIGLOT_5: (omniglot, "20way_5shot"),
    MINI_IMAGENET_1: (mini_imagenet, "5way_1shot"),
    MINI_IMAGENET_5: (mini_imagenet, "5way_5shot"),
}
ALL = tuple(_TASKS)
ONE_SHOT = (OMNIGLOT_1, MINI_IMAGENET_1)
# Columns do not decide these.
_OF_ROWS = ("algorithm", "inner_perturbation", "seed", "data.manual_dir")


def make_config(name, title, profile, columns=ALL):
    """Returns the config that the files beside this one complete.

    Args:
        name: Str, name of the outputs.
        title: Str, first line of the table.
        profile: Str, one of `empty.PROFILES`; empty means "cpu".
        columns: Sequence of names in the paper's tables, default all; "smoke"
            keeps the first, with bundled digits in its place.

    Raises: ValueError, if the profile is unknown.
    """
    config = empty.make_config(name, title, profile, "few_shot", "Meta Dropout")
    config.few_shot = _run_config(OMNIGLOT_1, config.profile)
    if config.profile == "smoke":
        columns = columns[:1]
    config.columns = tuple(_column(each, config) for each in columns)
    return config


def row(name, perturbation, algorithm="maml", *, paper="", style="", **set_):
    """Returns one row of an experiment.

    Args:
        name: Str, in our table.
        perturbation: Str, see pipeline/trainings/few_shot_methods.py.
        algorithm: Str, see there.
        paper: Str, the row's name in the paper's table; "" stands for `name`.
        style: Str, look in the figures; "": the perturbation's, or else the
            algorithm's.
        **set_: Config values; `mixup__gamma` stands for `mixup.gamma`.
    """
    values = {key.replace("__", "."): value for key, value in set_.items()}
    look = algorithm if perturbation == "none" else perturbation
    return row_module.Row(
        name,
        {"algorithm": algorithm, "inner_perturbation": perturbation, **values},
        style=style or look,
        paper=paper or name,
    )


def table_1_rows():
    """Returns the rows of table 1: each algorithm, without noise and with."""
    return (
        row("MAML", "none"),
        row("Meta-SGD", "none", "meta_sgd"),
        row("MAML + Meta-dropout", "meta_dropout"),
        row(
            "Meta-SGD + Meta-dropout",
            "meta_dropout",
            "meta_sgd",
            style="meta_dropout:meta_sgd",
        ),
    )


def _column(name, config):
    """Returns a column: what sets its config apart from `config.few_shot`."""
    own, common = (
        _leaves(each.to_dict())
        for each in (_run_config(name, config.profile), config.few_shot)
    )
    values = {
        key: value
        for key, value in own.items()
        if value != common[key] and key not in _OF_ROWS
    }
    shown = f"digits for {name}" if config.profile == "smoke" else name
    return dataclasses.replace(base.column(shown, paper=name), set=values)


def _run_config(name, profile):
    module, task = _TASKS[name]
    if profile == "smoke":
        task = f"{task},smoke"
    config = module.get_config(task)
    config.export = False
    if profile == "smoke":
        config.tasks = 1
        config.steps = 2
        config.log_every = 1
        config.checkpoint_every = 2
        config.test_episodes = 2
        config.validation_episodes = 0
    elif profile == "cpu":
        if module is omniglot:
            config.data.source = "few_shot:omniglot_small"
        config.channels = 16
        config.tasks = 4
        config.steps = SMALL_STEPS
        config.learning_rate = 1e-3
        config.samples = 10
        config.test_episodes = 600
        config.checkpoint_every = 250
    return config


def _leaves(values, prefix=""):
    """Returns a nested dict as a flat one, {"data.seed": value}."""
    found = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= _leaves(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found
