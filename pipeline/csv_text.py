"""Text in CSV files that people open in a spreadsheet.

The trap: a spreadsheet takes a cell that begins with one of a few characters
for a formula, and runs it. A file's name may begin with any of them.
"""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def row(values):
    """Returns the cells of a line: strings stay text, numbers numbers."""
    return [text(v) if isinstance(v, str) else v for v in values]


def text(value):
    """Returns a string as a cell that stays text: in front of formulas a '.

    Args:
        value: Str, or what has a text; one that is a number is left as it is.
    """
    value = str(value)
    return f"'{value}" if _is_formula(value) else value


def _is_formula(value):
    if not value.startswith(_FORMULA):
        return False
    try:
        float(value)
    except ValueError:
        return True
    return value != value.strip()
