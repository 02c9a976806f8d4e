"""The learning rate of a config: constant, or dropped at parts of the steps.

MetaPerturb, appendix C.4: 10,000 steps, rate x 0.3 after 4k, 7k and 9k.
"""

import functools
import operator

import keras


def make_learning_rate(config, key="learning_rate", steps=None, first_step=0):
    """Returns a float, or a schedule where the config has drops.

    Args:
        config: Config with the rate, `learning_rate_drops` (parts of all
            steps), `learning_rate_factor` (at each drop) and `steps`.
        key: Str, the rate's key: "learning_rate", "pretrained.rate".
        steps: Int, what the drops are parts of, or None for `config.steps`.
        first_step: Int, default 0, that the optimizer begins at: drops before
            it are not its own.
    """
    rate = functools.reduce(operator.getitem, key.split("."), config)
    steps = steps or config.steps
    drops = [
        round(part * steps) - first_step for part in config.learning_rate_drops
    ]
    drops = [drop for drop in drops if drop > 0 or not first_step]
    if not drops:
        return rate
    rates = [
        rate * config.learning_rate_factor**index
        for index in range(len(drops) + 1)
    ]
    return keras.optimizers.schedules.PiecewiseConstantDecay(drops, rates)


def restore_rate(optimizer, rate):
    """Sets a constant rate again, after a checkpoint has set its own.

    A checkpoint holds a constant rate, and none of a schedule; a run that
    stopped on a bad loss goes on with a smaller one.

    Args:
        optimizer: `keras.optimizers.Optimizer`.
        rate: What it was made with: float, or a schedule, which is left.
    """
    if not callable(rate):
        optimizer.learning_rate = rate
