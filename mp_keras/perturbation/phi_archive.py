"""φ in one small npz file, which NumPy alone reads.

Holds the six weights under their names, float32, and φ's options as JSON in a
string `variant`. Nothing in it is pickled, and nothing is unpickled.
"""

import json

import numpy as np

from mp_keras.perturbation import function

_VARIANT = "variant"


def write(phi, path):
    """Writes φ as an npz file.

    Args:
        phi: `PerturbationFunction`.
        path: Path-like of the file.
    """
    with open(path, "wb") as file:
        np.savez(
            file,
            **phi.values(),
            **{_VARIANT: np.array(json.dumps(phi.variant()))},
        )


def read(path):
    """Returns weights and variant of φ from an npz file.

    Args:
        path: Path-like of a file that `write` wrote.

    Returns: dict from weight name to array; dict of φ's options.
    Raises: nearly anything, `zipfile.BadZipFile` and `zlib.error` included,
        if the file is damaged; ValueError, if it holds other things.
    """
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    names = {*function.WEIGHT_SHAPES, _VARIANT}
    if set(arrays) != names:
        raise ValueError(f"arrays {sorted(arrays)} instead of {sorted(names)}")
    return arrays, json.loads(str(arrays.pop(_VARIANT)))
