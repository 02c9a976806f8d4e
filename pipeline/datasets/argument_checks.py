"""Checks of plain arguments that several functions of this package share."""

import numbers

import numpy as np

from pipeline.datasets import mapped_images


def check_int(name, value, minimum):
    """Returns `value` as an int.

    Args:
        name: Name of the argument, for the message.
        value: What the caller passed.
        minimum: Int, the smallest value allowed.

    Raises:
        ValueError: If `value` is no integer or is below `minimum`.
    """
    is_int = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_int or value < minimum:
        raise ValueError(
            f"`{name}` must be an integer of at least {minimum}. "
            f"Received: {name}={value!r}"
        )
    return int(value)


def check_fraction(name, value):
    """Returns `value` as a float strictly between 0 and 1.

    Raises:
        ValueError: If `value` is no number or is not between 0 and 1.
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not 0.0 < value < 1.0:
        raise ValueError(
            f"`{name}` must be a number between 0 and 1, both excluded. "
            f"Received: {name}={value!r}"
        )
    return float(value)


def check_images(images, labels):
    """Returns images and labels as arrays that belong together.

    Args:
        images: `(examples, height, width, channels)`, uint8 or float32; or
            `MappedImages`, which stay where they are.
        labels: `(examples,)`, integers of at least 0.

    Returns:
        `(images, labels)`: the images as they are, the labels as int64.

    Raises:
        ValueError: If a shape, a type or the number of examples is wrong.
    """
    if not mapped_images.is_mapped(images):
        images = np.asarray(images)
    labels = np.asarray(labels)
    if images.ndim != 4 or images.dtype not in (np.uint8, np.float32):
        raise ValueError(
            "`images` must be uint8 or float32 of shape "
            "(examples, height, width, channels). "
            f"Received: {images.dtype} of shape {images.shape}"
        )
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            "`labels` must be integers of shape (examples,). "
            f"Received: {labels.dtype} of shape {labels.shape}"
        )
    if len(images) != len(labels) or not len(images):
        raise ValueError(
            "`images` and `labels` must hold the same number of examples, at "
            f"least one. Received: {len(images)} images and {len(labels)} "
            "labels"
        )
    if labels.min() < 0:
        raise ValueError(
            f"`labels` must be at least 0. Received: {labels.min()}"
        )
    return images, labels.astype(np.int64)
