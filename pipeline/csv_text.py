"""Text in CSV files that people open in a spreadsheet.

The trap: a spreadsheet takes a cell that begins with one of a few characters
for a formula, and runs it. A file's name may begin with any of them.
"""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def text(value):
    """Returns a string as a cell that stays text: in front of formulas a '."""
    value = str(value)
    return f"'{value}" if value.startswith(_FORMULA) else value
