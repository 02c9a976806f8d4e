"""What must be whole whenever a run is killed: all that has its final name."""

import csv
import hashlib
import json
import pathlib
import re

import keras
import numpy as np
import tensorflow as tf

from tests.tools import processes

# Names that a half-written file may have.
_UNFINISHED = re.compile(r"\.partial-|_temp$|\.tmp")
_SAVED_MODELS = ("phi", "saved_model")
_whole = set()  # digests of what was found whole before


def assert_whole(root):
    """Loads every artifact at or below a path.

    Args:
        root: Path of a folder or file.
    """
    for file in [root, *sorted(root.rglob("*"))]:
        parts = file.relative_to(root.parent).parts
        if any(map(_UNFINISHED.search, parts)):
            continue
        if file.is_dir():
            if file.name in _SAVED_MODELS:
                assert (file / "saved_model.pb").is_file(), file
        elif file.name == "saved_model.pb":
            _check_once(file.parent, file.parent, _load_saved_model)
        elif file.name == "checkpoint":
            _check_once(file.parent, file.parent.parent, _load_checkpoint)
        elif file.suffix in _READERS:
            _check_once(file, file, _READERS[file.suffix])


def saved_variables(folder):
    """Returns the variables of a SavedModel: shapes and bytes, sorted.

    Without their names, for Keras numbers them in any order.
    """
    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    return sorted(
        (shape, _bytes_of(reader.get_tensor(name)))
        for name, shape in reader.get_variable_to_shape_map().items()
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH"
    )


def assert_same_saved_model(actual, expected):
    """Compares the variables of two SavedModels, bit for bit."""
    ours, theirs = map(saved_variables, (actual, expected))
    assert ours == theirs
    assert theirs


def _bytes_of(tensor):
    array = np.asarray(tensor)
    return (array.astype("S") if array.dtype == object else array).tobytes()


def _check_once(place, argument, read):
    digest = _digest(place)
    if digest in _whole:
        return
    try:
        read(argument)
    except Exception as error:
        raise AssertionError(f"{place} is not whole: {error!r}") from error
    _whole.add(digest)


def _digest(place):
    digest = hashlib.sha256(place.name.encode())
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    for file in filter(pathlib.Path.is_file, files):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.digest()


def _load_saved_model(folder):
    assert saved_variables(folder)
    assert tf.saved_model.load(str(folder)).signatures


def _load_checkpoint(run):
    assert processes.checkpointed_tensors(run)


def _read_json(file):
    json.loads(file.read_text(encoding="utf-8"))


def _read_lines(file):
    for line in file.read_text(encoding="utf-8").splitlines():
        json.loads(line)


def _read_csv(file):
    with open(file, encoding="utf-8", newline="") as rows:
        assert len({len(row) for row in csv.reader(rows)}) == 1


def _read_npz(file):
    with np.load(file) as arrays:
        assert [arrays[name] for name in arrays]


def _ends_with(tag):
    def read(file):
        assert file.read_text(encoding="utf-8").rstrip().endswith(tag)

    return read


_READERS = {
    ".csv": _read_csv,
    ".html": _ends_with("</html>"),
    ".json": _read_json,
    ".jsonl": _read_lines,
    ".keras": keras.saving.load_model,
    ".npz": _read_npz,
    ".svg": _ends_with("</svg>"),
}
