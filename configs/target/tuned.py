"""Hyperparameters of the baselines, chosen by `tools.tune`.

On a validation part of the training data alone, ResNet20, 400 steps;
MetaPerturb has none to choose. Values for other data sets are those of
configs/target/default.py.
"""

_FINE_GRAINED = {  # chosen on the cars
    "information_dropout": {"information_dropout.beta": 1e-6},
    "drop_block": {"drop_block.rate": 0.05, "drop_block.block_size": 7},
    "manifold_mixup": {"manifold_mixup.alpha": 1.0},
}
_VALUES = {  # source -> method -> values by key of a target config
    "subset:cifar10": {
        "information_dropout": {"information_dropout.beta": 1e-7},
        "drop_block": {"drop_block.rate": 0.05, "drop_block.block_size": 3},
        "manifold_mixup": {"manifold_mixup.alpha": 0.2},
    },
    "subset:cars": _FINE_GRAINED,
    "subset:dogs": _FINE_GRAINED,
    "subset:cub2010": _FINE_GRAINED,
}


def values_for(source):
    """Returns {method: {key: value}} of a source, empty if it has none."""
    return {
        method: dict(values)
        for method, values in _VALUES.get(source, {}).items()
    }
