"""The part of another error that goes into one of ours."""

_SHOWN = 200  # characters


def brief(error):
    """Returns the beginning of an error's text, which may quote a whole file.

    Args:
        error: Exception or str; the name of its type stands for an empty text.
    """
    return str(error)[:_SHOWN] or type(error).__name__


def named(error):
    """Returns the name of an error's type and the beginning of its text."""
    return f"{type(error).__name__}: {str(error)[:_SHOWN]}"
