"""Hyperparameters of the baselines, chosen by `tools.tune`.

On a validation part of the training data alone; MetaPerturb has none to choose.
Values for other data sets are those of configs/target/default.py.
"""

_VALUES = {  # source -> method -> values by key of a target config
}


def values_for(source):
    """Returns {method: {key: value}} of a source, empty if it has none."""
    return {
        method: dict(values)
        for method, values in _VALUES.get(source, {}).items()
    }
