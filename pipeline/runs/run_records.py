"""Reads the JSON files of a run's folder, checked to be what a run writes.

The trap: `history.jsonl` grows line by line, so a killed run may leave half a
line at its end, which does not count; any other damage is an error.
"""

import json
import math
import pathlib

from mp_keras import files
from mp_keras import given_files

_SHOWN = 60  # characters of a damaged line


def read_object(path):
    """Returns the dict of a JSON file.

    Raises: FileNotFoundError; ValueError, naming the file, if it is damaged.
    """
    value = files.read_json(path)
    if not isinstance(value, dict):
        raise ValueError(
            f"File {path} must hold a JSON object. "
            f"Received: {type(value).__name__}"
        )
    return value


def read_objects(path):
    """Returns the list of dicts of a JSON file.

    Raises: as `read_object`.
    """
    values = files.read_json(path)
    if not isinstance(values, list) or not all(
        isinstance(value, dict) for value in values
    ):
        raise ValueError(
            f"File {path} must hold a JSON list of objects. "
            f"Received: {str(values)[:_SHOWN]}"
        )
    return values


def read_seconds(path):
    """Returns the seconds, a float of at least 0, that a JSON file holds.

    Raises: as `read_object`.
    """
    value = files.read_json(path)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value < math.inf:
        raise ValueError(
            f"File {path} must hold a number of seconds. Received: {value!r}"
        )
    return float(value)


def read_windows(path):
    """Returns the windows of a history, oldest first: dicts with a `step`.

    Args:
        path: Path-like of a `history.jsonl`; there may be none yet. A last
            line that is not whole is left out.

    Raises: ValueError, naming file and line, if another one is damaged.
    """
    path = pathlib.Path(path)
    content = b""
    if path.exists():
        content = given_files.read(path, given_files.TEXT_BYTES)
    *lines, rest = content.split(b"\n")
    windows = []
    for number, line in enumerate(lines, 1):
        window = _parse(line)
        if window is None:
            raise ValueError(
                f"Line {number} of {path} must be a JSON object with `step`, "
                "an integer. Remove the line, or the file: the metrics of a "
                "run in training do not depend on it. "
                f"Received: {line[:_SHOWN]!r}"
            )
        windows.append(window)
    last = _parse(rest)
    return windows if last is None else [*windows, last]


def _parse(line):
    """Returns the window of a line, or None."""
    try:
        window = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_window = isinstance(window, dict) and type(window.get("step")) is int
    return window if is_window else None
