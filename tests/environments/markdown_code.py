"""Takes the Python out of a page of documentation, and runs it."""

import pathlib
import re

_DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def run(page, heading, names=None):
    """Runs the code under a heading of a page, and returns its names.

    Args:
        page: Str, file name in `docs/`.
        heading: As `code_under` takes it.
        names: Dict of what the code finds defined, or None (default).
    """
    names = {"__name__": "page", **(names or {})}
    path = _DOCS / page
    exec(compile(code_under(path, heading), path, "exec"), names)
    return names


def code_under(path, heading):
    """Returns the ```python blocks under one heading, joined in order.

    Args:
        path: Path-like of a Markdown file.
        heading: Text of the heading, without its `#`s. What follows it, up to
            the next heading of the same or a higher level, belongs to it.

    Returns: a string. Each line keeps its number of the file, so that an
        error in it is found there.
    Raises: ValueError, if there is no such heading, more than one of it, no
        block under it, or a block without an end.
    """
    text = pathlib.Path(path).read_text(encoding="utf-8")
    code, seen, level, fence = [], 0, 0, None
    for line in text.splitlines():
        marker = re.match(r"```\s*(\w*)", line)
        title = re.match(r"(#+)\s+(.*?)\s*#*$", line) if fence is None else None
        keep = False
        if fence is not None:
            if line.rstrip() == "```":
                fence = None
            else:
                keep = level > 0 and fence == "python"
        elif marker:
            fence = marker[1]
        elif title and title[2] == heading:
            seen, level = seen + 1, len(title[1])
        elif title and len(title[1]) <= level:
            level = 0
        code.append(line if keep else "")
    if seen != 1 or fence is not None or not any(code):
        raise ValueError(
            f"{path} must have the heading {heading!r} once, with whole "
            f"```python blocks under it. Received: the heading {seen} times, "
            f"{sum(map(bool, code))} lines of code"
            + (", a block without an end" if fence is not None else "")
        )
    return "\n".join(code).rstrip() + "\n"
