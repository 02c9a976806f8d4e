"""Checks the values of a run's config, whichever way they came.

`--config.KEY=VALUE` keeps the type of a value; JSON and a user's own config
file do not. The trap: what is wrong here is found at the first step at best,
and after hours at worst.
"""

import math

_MOST = 2**31 - 1
_SEEDS = 2**32 - 1  # NumPy's


def check(config):
    """Refuses a config with a value that no run can have.

    Args:
        config: JSON-compatible dict, nested. Keys that are not known here are
            looked at only for numbers that are not finite.

    Raises: ValueError, naming the first key.
    """
    for key, value in flat(config).items():
        rule = RULES.get(key)
        if key in _FROM_DATA and "minutes" in config:
            rule = _FROM_DATA[key]
        if not _is_finite(value):
            expected = "finite"
        elif rule is not None and not rule[0](value):
            expected = rule[1]
        else:
            continue
        raise ValueError(
            f"Config key `{key}` must be {expected}. "
            f"Received: {key}={str(value)[:60]!r} ({type(value).__name__})"
        )


def check_batch_size(batch_size, examples, source):
    """Refuses batches of more images than a run trains on.

    Args:
        batch_size: Int.
        examples: Int, the training images.
        source: Str, where they are from.

    Raises: ValueError.
    """
    if examples < batch_size:
        raise ValueError(
            f"Config key `batch_size` must be at most {examples}, the "
            f"training images of {source}. Received: batch_size={batch_size}"
        )


def flat(config, prefix=""):
    """Returns {"data.source": value} for {"data": {"source": value}}."""
    found = {}
    for key, value in config.items():
        if isinstance(value, dict):
            found.update(flat(value, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = value
    return found


def _is_finite(value):
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(low, high=_MOST):
    return (
        lambda value: type(value) is int and low <= value <= high,
        f"an integer from {low} to {high}",
    )


def _one_of(names):
    return lambda value: value in names, f"one of {names}"


def _are_texts(values):
    return isinstance(values, list | tuple) and all(
        isinstance(value, str) for value in values
    )


def _are_classes(values):
    return isinstance(values, list | tuple) and all(
        isinstance(value, str) or type(value) is int for value in values
    )


def _are_parts(values):
    if not isinstance(values, list | tuple) or not all(map(_is_number, values)):
        return False
    around = [0, *values, 1]
    return all(low < high for low, high in zip(around, around[1:]))


# Of a target training: 0 stands for what data_choices.py makes of the data.
_FROM_DATA = {
    "batch_size": _whole(0),
    "steps": _whole(0),
    "image_size": _whole(0, 4096),
}
_POSITIVE = (
    lambda value: _is_number(value) and value > 0,
    "a number above 0",
)
_AT_LEAST_0 = (
    lambda value: _is_number(value) and value >= 0,
    "a number of at least 0",
)
_PART = (
    lambda value: _is_number(value) and 0 <= value <= 1,
    "a number from 0 to 1",
)
_TEMPERATURE = (  # as they are fitted (evaluation/temperature.py)
    lambda value: _is_number(value) and (value == 0 or 0.05 <= value <= 20),
    "0, or a number from 0.05 to 20",
)
_ABOVE_0_AT_MOST_1 = (
    lambda value: _is_number(value) and 0 < value <= 1,
    "a number above 0 and at most 1",
)
_SHARE = (
    lambda value: _is_number(value) and 0 <= value < 1,
    "a number from 0 to 1, without 1",
)
_TEXT = (lambda value: isinstance(value, str), "a string")
_SWITCH = (lambda value: isinstance(value, bool), "true or false")
NAMES = {  # stated again, since what knows them imports TensorFlow
    "adversarial_training.norm": ("linf", "l2", "l1"),
    "algorithm": ("maml", "meta_sgd"),
    "classes_per": ("task", "meta_batch"),
    "inner_perturbation": (
        "none",
        "meta_dropout",
        "fixed_gaussian",
        "independent_gaussian",
        "weight_gaussian",
        "mixup",
        "information_bottleneck",
        "information_dropout",
        "adversarial",
    ),
    "meta_dropout.logits": ("additive", "multiplicative", "none"),
    "meta_dropout.transform": ("softplus", "exponential"),
    "phi_options.all_branch": ("mean", "sum"),
    "phi_options.noise_per": ("element", "channel"),
    "positions": ("all", "before_pooling", "top", "bottom"),
    "queries_per": ("task", "class"),
    "task_split": ("swapped_halves", "class_wise", "homogeneous"),
}
# Of every key of a run's config: what its value must be, and in words.
RULES = {
    **dict.fromkeys(
        (
            "batch_size",
            "channels",
            "checkpoint_every",
            "log_every",
            "queries",
            "replicas",
            "shots",
            "adversarial_training.steps",
            "deep_ensemble.members",
            "deterministic.samples",
            "drop_block.block_size",
            "steps",
            "tasks",
        ),
        _whole(1),
    ),
    **{key: _one_of(names) for key, names in NAMES.items()},
    "temperature": _TEMPERATURE,
    "mixup.alpha": _ABOVE_0_AT_MOST_1,
    "pretrained.rate": _ABOVE_0_AT_MOST_1,
    "data.test_fraction": (
        lambda value: _is_number(value) and 0 < value < 1,
        "a number between 0 and 1, both excluded",
    ),
    "data.validation_fraction": _SHARE,
    "drop_block.rate": _SHARE,
    "monte_carlo_dropout.rate": _SHARE,
    "image_size": _whole(1, 4096),
    "image_channels": _whole(1, 3),
    "inner_steps": _whole(0),
    "samples": _whole(1, 10**6),
    "tracking_samples": _whole(1, 10**6),
    "test_episodes": _whole(1),
    "ways": _whole(2),
    **dict.fromkeys(
        (
            "classes_per_task",
            "early_stopping.patience",
            "restart_every",
            "train_examples",
            "deterministic.mixtures",
            "data.examples_per_class",
            "noise_from",
            "validation_episodes",
        ),
        _whole(0),
    ),
    **dict.fromkeys(("seed", "data.seed", "test_seed"), _whole(0, _SEEDS)),
    **dict.fromkeys(
        (
            "inner_rate",
            "learning_rate",
            "learning_rate_factor",
            "manifold_mixup.alpha",
            "minutes",
            "mixup.gamma",
            "phi_learning_rate",
            "data.cache_gib",
            "data.memory_gib",
        ),
        _POSITIVE,
    ),
    "data.classes": (
        _are_classes,
        "a list of names, or of numbers from 0",
    ),
    "learning_rate_drops": (
        _are_parts,
        "rising numbers between 0 and 1, both excluded",
    ),
    **dict.fromkeys(
        (
            "adversarial.epsilon",
            "adversarial_training.epsilon",
            "clip",
            "information_bottleneck.beta",
            "information_dropout.beta",
            "information_dropout.max_alpha",
            "l2",
            "meta_dropout.deviation",
            "phi_l2",
            "phi_stddev",
        ),
        _AT_LEAST_0,
    ),
    **dict.fromkeys(
        (
            "c_max",
            "channel_noise.c_max",
            "drop_block.ramp",
            "noise_ramp",
            "pretrained.head_share",
        ),
        _PART,
    ),
    "fine_tuning.exclude": (_are_texts, "strings"),
    **dict.fromkeys(
        (
            "data.manual_dir",
            "data.source",
            "data.terms",
            "fine_tuning.source",
            "method",
            "network",
            "phi",
            "pretrained.weights",
        ),
        _TEXT,
    ),
    **dict.fromkeys(
        (
            "data.augment",
            "data.balanced",
            "data.flip",
            "data.keep_repeated",
            "data.pooled",
            "data.train_on_validation",
            "export",
            "first_order",
            "information_dropout.noisy_in_test",
            "meta_dropout.learned_deviation",
            "meta_dropout.stochastic",
            "noise_in_test",
            "phi_options.use_noise",
            "phi_options.use_scale",
            "track_test",
        ),
        _SWITCH,
    ),
}
