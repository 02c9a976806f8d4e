"""φ in one small npz file, which NumPy alone reads.

Holds the six weights under their names, float32, and φ's options as JSON in a
string `variant`. Nothing in it is pickled, and nothing is unpickled. The
trap: a few kilobytes may unpack to gigabytes; a file of φ is small, and so is
each of its parts.
"""

import io
import json
import math
import os
import zipfile

import numpy as np

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
    if os.path.getsize(path) > _BYTES_LIMIT:
        raise ValueError(f"over {_BYTES_LIMIT} bytes")
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        found = sorted(m.filename.removesuffix(".npy") for m in members)
        if found != sorted(names):
            raise ValueError(f"arrays {found} instead of {sorted(names)}")
        arrays = {
            member.filename.removesuffix(".npy"): _read_array(archive, member)
            for member in members
        }
    return arrays, json.loads(str(arrays.pop(_VARIANT)))


def _read_array(archive, member):
    # Nothing of ours is compressed, so no part can outgrow the file; and
    # NumPy takes memory for a shape before it has read the numbers.
    is_stored = member.compress_type == zipfile.ZIP_STORED
    if not is_stored or member.file_size > _BYTES_LIMIT:
        raise ValueError(f"{member.filename!r} compressed, or too large")
    with archive.open(member) as stream:
        content = stream.read()
    header = io.BytesIO(content)
    if np.lib.format.read_magic(header) != (1, 0):
        raise ValueError(f"{member.filename!r} in an unknown format")
    shape, _, dtype = np.lib.format.read_array_header_1_0(header)
    if (
        dtype.hasobject
        or math.prod(shape) * dtype.itemsize != len(content) - header.tell()
    ):
        raise ValueError(f"{member.filename!r} whose header is wrong")
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
