r"""Chooses a baseline's hyperparameters on validation data.

    python -m tools.tune --config=configs/tune/default.py:drop_block \
        --config.target.data.source=subset:cifar10 \
        --config.target.data.manual_dir=FOLDER --workdir=runs/tune_drop_block

The argument is METHOD[,NETWORK][,smoke]. Every combination of the values is
tried; a fifth of the training part is held out to judge them, and the test part
decides nothing. The chosen values belong into configs/target/tuned.py.
"""

import ml_collections

from configs import arguments
from configs.target import default

SPACES = {  # method -> (key of a target config, values to try)
    "information_dropout": (
        ("information_dropout.beta", (1e-7, 1e-6, 1e-5, 1e-4, 1e-3)),
    ),
    "drop_block": (
        ("drop_block.rate", (0.05, 0.1, 0.2)),
        ("drop_block.block_size", (3, 7)),
    ),
    "manifold_mixup": (("manifold_mixup.alpha", (0.2, 1.0, 2.0)),),
    "mixup": (("mixup.alpha", (0.2, 0.5, 1.0)),),
    "monte_carlo_dropout": (("monte_carlo_dropout.rate", (0.05, 0.1, 0.2)),),
    # Not adversarial training: on clean images the weakest attack wins.
    "base": (
        ("learning_rate", (5e-4, 1e-3, 2e-3)),
        ("l2", (5e-4, 5e-3)),
    ),
}


def get_config(argument=""):
    """Returns the config. `argument`: METHOD[,NETWORK][,smoke]."""
    method, _, rest = argument.partition(",")
    if method not in SPACES:
        raise ValueError(
            "The config's argument must begin with a method, one of "
            f"{tuple(SPACES)}. Received: {argument!r}"
        )
    _, smoke = arguments.parse(rest)
    config = ml_collections.ConfigDict()
    config.target = default.get_config(rest)
    config.target.method = method
    config.target.phi = ""
    config.target.export = False
    config.target.data.validation_fraction = 0.2
    config.target.deterministic.mixtures = 0  # of a trial, nobody uses it
    config.space = SPACES[method]
    config.objective = "negative_log_likelihood"  # or accuracy, calibration
    config.seeds = (0,)  # the objective is the mean over them
    if smoke:
        config.space = tuple((key, values[:2]) for key, values in config.space)
    else:
        config.target.steps = 1000
    return config
