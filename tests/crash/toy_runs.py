"""Runs of milliseconds that add 1 and 2, with care or without."""

import json
import pathlib
import time

from mp_keras import files


def careful(root):
    """Everything is whole at any time, and the sum is 3 in the end."""
    root = pathlib.Path(root)
    for number in (1, 2):
        _add(root / "state.json", number)
    state = files.read_json(root / "state.json")
    files.write_json(root / "sum.json", state["sum"])


def counts_twice(root):
    """Keeps the sum and the last number apart."""
    root = pathlib.Path(root)
    total, last = root / "total.json", root / "last.json"
    for number in (1, 2):
        time.sleep(0.01)
        if last.exists() and files.read_json(last) >= number:
            continue
        old = files.read_json(total) if total.exists() else 0
        files.write_json(total, old + number)
        files.write_json(last, number)
    files.write_json(root / "sum.json", files.read_json(total))


def writes_in_place(root):
    """The file has its final name before it is whole."""
    with open(pathlib.Path(root) / "sum.json", "w") as file:
        json.dump(3, file)


def _add(state, number):
    time.sleep(0.01)
    old = {"sum": 0, "last": 0}
    if state.exists():
        old = files.read_json(state)
    if old["last"] < number:
        files.write_json(state, {"sum": old["sum"] + number, "last": number})
