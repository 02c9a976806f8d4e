"""Checks of what every network's function is called with."""

from mp_keras import argument_checks


def check_classes(classes):
    """Raises a ValueError, if there are fewer than 2 classes."""
    argument_checks.check_at_least("classes", classes, 2)


def check_poolings(input_shape, poolings):
    """Raises a ValueError, if an image is too small for 2x2 poolings.

    Args:
        input_shape: `(height, width, channels)` in pixels.
        poolings: Int, their number; each halves height and width.
    """
    least = 2**poolings
    if None in input_shape[:2] or min(input_shape[:2]) < least:
        raise ValueError(
            f"Argument `input_shape` must be at least {least} pixels high and "
            f"wide, for {poolings} poolings. "
            f"Received: input_shape={input_shape}"
        )
