"""Quotes foreign errors and names safely in our messages.

The trap: a file, a class or a member of an archive may be named after a line of
ours, with a line break in front of it, or hold what a terminal obeys.
"""

_SHOWN = 200  # characters
_READ = 4000  # of a text whose spaces are counted


def shown(value):
    r"""Returns a text on one line, whatever does not print written as `\n`.

    Args:
        value: Anything that has a text.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in str(value)
    )


def few(texts, most):
    """Returns the first of some texts on one line, and how many more there are.

    Args:
        texts: Sequence of str.
        most: Int, how many are shown.
    """
    more = len(texts) - most
    rest = f" and {more} more" if more > 0 else ""
    return ", ".join(texts[:most]) + rest


def brief(error):
    """Returns the beginning of an error's text, which may quote a whole file.

    Args:
        error: Exception or str; the name of its type stands for an empty text.
    """
    text = " ".join(str(error)[:_READ].split())
    return shown(text[:_SHOWN]) or type(error).__name__


def named(error):
    """Returns the name of an error's type and the beginning of its text."""
    return f"{type(error).__name__}: {brief(error)}"
