"""Checks of arguments that several folders share."""


def check_one_of(name, value, valid, what="Argument"):
    """Refuses a value that is none of the known ones.

    Args:
        name: Str, of the argument.
        value: What the caller passed.
        valid: Collection of str.
        what: Str, default "Argument": what `name` is, for the message.

    Raises: ValueError, with the valid ones.
    """
    if value not in valid:
        raise ValueError(
            f"{what} `{name}` must be one of {tuple(valid)}. "
            f"Received: {name}={value!r}"
        )


def check_at_least(name, value, least):
    """Raises ValueError, if a number is below the least one, or NaN."""
    if not value >= least:
        raise ValueError(
            f"Argument `{name}` must be at least {least}. "
            f"Received: {name}={value}"
        )


def check_positive(name, value):
    """Raises ValueError, if a number is not above 0, or NaN."""
    if not value > 0:
        raise ValueError(
            f"Argument `{name}` must be positive. Received: {name}={value}"
        )


def check_fraction(name, value):
    """Raises ValueError, if a number is not in [0, 1], or NaN."""
    if not 0 <= value <= 1:
        raise ValueError(
            f"Argument `{name}` must be a fraction in [0, 1]. "
            f"Received: {name}={value}"
        )
