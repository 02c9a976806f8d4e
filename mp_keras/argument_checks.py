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
