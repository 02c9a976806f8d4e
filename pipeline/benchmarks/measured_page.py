"""Markdown pages of which a tool writes the part that it measured."""

import pathlib

from mp_keras import files

_END = "<!-- end of what is measured -->"


def write(path, tool, text):
    """Replaces the measured part of a page, between its two marks.

    Args:
        path: Path-like of a Markdown file.
        tool: Str, path of the tool that measures, which the first mark names.
        text: Str, Markdown.

    Raises: FileNotFoundError; ValueError, if the marks are not there.
    """
    head, tail = check(path, tool)
    files.write_text(path, f"{head}{_begin(tool)}\n\n{text}\n{_END}{tail}")


def check(path, tool):
    """Returns what stands before and behind the measured part of a page.

    Raises: FileNotFoundError; ValueError, if the marks are not there.
    """
    text = pathlib.Path(path).read_text(encoding="utf-8")
    head, begin, rest = text.partition(_begin(tool))
    _, end, tail = rest.partition(_END)
    if not begin or not end:
        raise ValueError(
            f"Page {path} must have the lines {_begin(tool)!r} and {_END!r}. "
            "Received: a page without them"
        )
    return head, tail


def table(titles, rows):
    """Returns the lines of a table, and an empty one.

    Args:
        titles: Sequence of str.
        rows: Sequences of what the cells show, as long as it.
    """
    lines = [titles, ["---"] * len(titles), *rows]
    return [f"| {' | '.join(map(str, line))} |" for line in lines] + [""]


def _begin(tool):
    return f"<!-- measured: written by {tool} -->"
