"""φ in one small npz file, which NumPy alone reads.

Holds the six weights under their names, float32, and φ's options as JSON in a
string `variant`. Nothing in it is pickled, and nothing is unpickled. A file of
φ is small, and so has each of its parts to be.
"""

import json
import zipfile

import numpy as np

from mp_keras import given_files
from mp_keras import npz_members
from mp_keras.perturbation import function

_VARIANT = "variant"
_BYTES_LIMIT = 2**20


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
    names = {*function.WEIGHT_SHAPES, _VARIANT}
    given_files.check(path, _BYTES_LIMIT)
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        found = sorted(m.filename.removesuffix(".npy") for m in members)
        if found != sorted(names):
            raise ValueError(f"arrays {found} instead of {sorted(names)}")
        arrays = {
            name: npz_members.read_array(archive, name, lambda _: _BYTES_LIMIT)
            for name in found
        }
    return arrays, json.loads(str(arrays.pop(_VARIANT)))
