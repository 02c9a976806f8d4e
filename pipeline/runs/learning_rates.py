"""The learning rate of a config: constant, or dropped at parts of the steps.

MetaPerturb, appendix C.4: 10,000 steps, rate x 0.3 after 4k, 7k and 9k.
"""

import keras


def make_learning_rate(config, key="learning_rate", steps=None):
    """Returns a float, or a schedule where the config has drops.

    Args:
        config: Config with the rate, `learning_rate_drops` (parts of all
            steps), `learning_rate_factor` (at each drop) and `steps`.
        key: Str, the rate's key.
        steps: Int, what the drops are parts of, or None for `config.steps`.
    """
    rate = config[key]
    if not config.learning_rate_drops:
        return rate
    steps = steps or config.steps
    drops = [round(part * steps) for part in config.learning_rate_drops]
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
