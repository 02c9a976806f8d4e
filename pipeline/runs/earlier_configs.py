"""Configs that earlier versions left in run folders, in today's keys.

The one place that translates. A key that came later gets the value with which
the run would have trained, or, where it decides nothing of the training, the
default of configs/. `perturbation` once was the key of three things, which
have a name each now.
"""

import copy

_READING = {"cache_gib": 100.0, "classes": [], "memory_gib": 4.0}
# Key of a section ("" for the config itself) -> what came later -> its value.
_TARGET = {
    "": {
        "c_max": 1.0,
        "channel_noise": {"c_max": 0.5},
        "deterministic": {"samples": 2, "mixtures": 10_000},
        "early_stopping": {"patience": 0},
        "minutes": 30.0,
        "temperature": 0.0,
        "pretrained": {
            "weights": "imagenet",
            "head_share": 0.3,
            "rate": 1e-4,
        },
    },
    "data": {
        "balanced": False,
        "keep_repeated": False,
        "pooled": False,
        **_READING,
    },
}
_META_TRAINING = {
    "": {
        "c_max": 1.0,
        "phi_stddev": 0.01,
        "restart_every": 0,
        "train_examples": 0,
    },
    "phi_options": {"noise_per": "element"},
    "data": _READING,
}
_FEW_SHOT = {
    "": {"classes_per": "task", "noise_from": 0, "noise_in_test": True}
}
# Keys of meta-training that had the value of another before they came.
_SHARED = {"phi_l2": "l2", "phi_learning_rate": "learning_rate"}
_EARLIER_NAME = "perturbation"


def upgraded(config):
    """Returns a run's config with the keys that later versions added or named.

    Args:
        config: JSON-compatible dict, as `config.json` holds it.
    """
    if "method" in config and "l2" in config:
        later, name = _TARGET, "phi"
    elif "task_split" in config:
        later, name = _META_TRAINING, "phi_options"
    elif "ways" in config:
        later, name = _FEW_SHOT, "inner_perturbation"
    else:
        return config
    config = copy.deepcopy(config)
    if _EARLIER_NAME in config:
        config.setdefault(name, config.pop(_EARLIER_NAME))
    if later is _META_TRAINING:
        for key, other in _SHARED.items():
            if other in config:
                config.setdefault(key, config[other])
    for section, values in later.items():
        place = config[section] if section else config
        for key, value in values.items():
            place.setdefault(key, copy.deepcopy(value))
    return config


def is_cut_otherwise(config):
    """Whether a run began when its validation part was another one.

    It was cut off before `examples_per_class` thinned the rest; now it is a
    part of those examples.

    Args:
        config: JSON-compatible dict, as `config.json` holds it.
    """
    data = config.get("data", {})
    return bool(
        "method" in config
        and "c_max" not in config
        and data.get("validation_fraction")
        and data.get("examples_per_class")
    )
