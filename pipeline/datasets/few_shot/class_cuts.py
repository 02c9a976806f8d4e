"""Cuts a data set by classes: whole classes for each part."""

import numpy as np

from pipeline.datasets.few_shot import few_shot_data

_LEAST = 2  # classes of a part


def cut_classes(data, seed, share=0.2):
    """Cuts classes at random for meta-training, validation and meta-testing.

    Args:
        data: `ClassImages`.
        seed: Int of at least 0.
        share: Float in (0, 0.5), the share of all classes, rounded, for
            validation, and another for the test; at least 2 each. Default 0.2.

    Returns:
        `FewShotData`; classes keep their order within each part.

    Raises:
        ValueError: If fewer than 2 classes would be left for training.
    """
    count = max(_LEAST, round(data.classes * share))
    if data.classes < 2 * count + _LEAST:
        raise ValueError(
            f"`data` must have at least {2 * count + _LEAST} classes to be "
            f"cut into three parts. Received: {data.classes} classes"
        )
    order = np.random.default_rng([seed, data.classes]).permutation(
        data.classes
    )
    parts = np.split(order, [data.classes - 2 * count, data.classes - count])
    return few_shot_data.FewShotData(
        *(data.select(np.sort(part)) for part in parts)
    )


def hold_out_classes(data, share, seed):
    """Cuts some classes out of a meta-training part for validation.

    Args:
        data: `ClassImages`.
        share: Float in (0, 1), the share of classes, rounded, at least 2.
        seed: Int of at least 0.

    Returns:
        `(kept, held)`, `ClassImages`; classes keep their order.

    Raises:
        ValueError: If fewer than 2 classes would be kept.
    """
    count = max(_LEAST, round(data.classes * share))
    if data.classes < count + _LEAST:
        raise ValueError(
            f"`data` must have at least {count + _LEAST} classes to hold some "
            f"out. Received: {data.classes} classes"
        )
    order = np.random.default_rng([seed, data.classes, 1]).permutation(
        data.classes
    )
    held, kept = np.sort(order[:count]), np.sort(order[count:])
    return data.select(kept), data.select(held)
