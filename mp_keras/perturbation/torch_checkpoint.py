"""Reads the 82 numbers of a perturbation function from a PyTorch file.

The authors of MetaPerturb (Ryu et al., NeurIPS 2020) published φ as a PyTorch
state dict. This reader needs neither PyTorch nor trust in the file:

    content = at most 1 MiB of the file
    state, storages = the parts of a zip archive, or of a legacy stream
    names, shapes = those of φ, else an error that lists the differences
    for each tensor: storage[offset + index * strides], checked to be inside

The trap: numbers of two tensors may share a storage, and a storage may hold
more than its tensors show, so bytes are never read as a tensor in one go.
"""

import io
import os
import struct
import zipfile

import numpy as np

from mp_keras import annotations
from mp_keras import error_texts
from mp_keras import given_files
from mp_keras.perturbation import function
from mp_keras.perturbation import inert_pickle

SHAPES = {
    "kernel": (4, 1, 3, 3),
    "phi_1.w_identity": (1, 1, 3, 3),
    "phi_1.w_all": (1, 1, 3, 3),
    "phi_2.w_identity": (1, 1, 3, 3),
    "phi_2.w_all": (1, 1, 3, 3),
    "fc.weight": (1, 10),
}
# PyTorch's name of a tensor -> name of the weight.
_WEIGHT_NAMES = {
    "kernel": "scale_kernels",
    "phi_1.w_identity": "noise_self_1",
    "phi_1.w_all": "noise_all_1",
    "phi_2.w_identity": "noise_self_2",
    "phi_2.w_all": "noise_all_2",
    "fc.weight": "scale_head",
}
_BYTES_LIMIT = 2**20
_LISTED_LIMIT = 8
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
_BYTE_ORDERS = {b"little": "<", b"big": ">"}
# What `zipfile`, `pickletools` and `InertPickle` raise on broken bytes. The
# warning (of a bad escape in a string) is raised where warnings are errors.
_BROKEN_FILE_ERRORS = (
    ValueError,
    OverflowError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    DeprecationWarning,
    struct.error,
    zipfile.BadZipFile,
)


def import_torch_perturbation(
    path: annotations.Path,
) -> function.PerturbationFunction:
    """Returns the `PerturbationFunction` in a PyTorch state dict.

    Args:
        path: Path-like of the file.

    Raises: as `read_torch_perturbation`.
    """
    tensors = read_torch_perturbation(path)
    shapes = function.WEIGHT_SHAPES
    return function.PerturbationFunction(
        {
            name: tensors[torch_name].reshape(shapes[name])
            for torch_name, name in _WEIGHT_NAMES.items()
        }
    )


def read_torch_perturbation(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Returns the six arrays of φ in a PyTorch state dict, by PyTorch's names.

    Both formats of `torch.save` are read: today's zip archive and the legacy
    stream that the published file is, whatever device the tensors were on.
    Nothing in the file is executed. Half and double precision are converted.

    Args:
        path: Path of the file, at most 1 MiB.

    Returns:
        Dict of float32 arrays that own their data, layouts as in PyTorch:
        `kernel` `(4, 1, 3, 3)`; `phi_1.w_identity`, `phi_1.w_all`,
        `phi_2.w_identity` and `phi_2.w_all`, each `(1, 1, 3, 3)`; `fc.weight`
        `(1, 10)`.

    Raises:
        ValueError: if the file is no such state dict: empty, cut, corrupt or
            too large; naming a global other than those of float tensors;
            with a missing, unexpected or wrongly shaped tensor, or with a
            number that is not finite.
        OSError: if the file cannot be read (missing: `FileNotFoundError`).
    """
    given_files.check(path, given_files.DATA_BYTES)
    with open(path, "rb") as file:
        content = file.read(_BYTES_LIMIT + 1)
    try:
        if len(content) > _BYTES_LIMIT:
            raise ValueError(f"it is larger than {_BYTES_LIMIT} bytes")
        if not content:
            raise ValueError("it is empty")
        is_zip = content.startswith(b"PK\x03\x04")
        state, storages = (_read_zip if is_zip else _read_legacy)(content)
        _check_names_and_shapes(state)
        return {name: _to_array(name, state[name], storages) for name in SHAPES}
    except _BROKEN_FILE_ERRORS as error:
        reason = str(error)
        if not isinstance(error, ValueError):
            reason = f"it is corrupt ({error_texts.named(error)})"
        raise ValueError(
            "`path` must be a PyTorch state dict with the 82 numbers of a "
            f"perturbation function. Received: path={os.fspath(path)!r}, "
            f"but {reason}."
        ) from error


def _read_zip(content):
    # <any prefix>/data.pkl, <prefix>/data/<key>, <prefix>/byteorder.
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        pickles = [name for name in names if name.endswith("/data.pkl")]
        if len(pickles) != 1 or len(set(names)) != len(names):
            raise ValueError("it is a zip archive without a single data.pkl")
        prefix = pickles[0].removesuffix("data.pkl")
        pickled = inert_pickle.InertPickle()
        state = pickled.load(io.BytesIO(_read_member(archive, pickles[0])))
        order = b"little"
        if prefix + "byteorder" in names:
            order = _read_member(archive, prefix + "byteorder")
        if order not in _BYTE_ORDERS:
            raise ValueError(f"its byte order is {order[:20]!r}")
        return state, {
            key: _to_numbers(
                storage,
                _read_member(archive, f"{prefix}data/{key}"),
                _BYTE_ORDERS[order],
            )
            for key, storage in pickled.storages.items()
        }


def _read_member(archive, name):
    member = archive.getinfo(name)
    # PyTorch never compresses, so no member can outgrow the file.
    is_stored = member.compress_type == zipfile.ZIP_STORED
    if not is_stored or member.file_size > _BYTES_LIMIT:
        raise ValueError(
            f"its member {name[:80]!r} is compressed or larger than "
            f"{_BYTES_LIMIT} bytes"
        )
    return archive.read(member)


def _read_legacy(content):
    # Five pickles (magic number, version, system, state, storage keys), then
    # for each key a 64-bit count and that many numbers.
    stream = io.BytesIO(content)
    pickled = inert_pickle.InertPickle()
    if pickled.load(stream) != _MAGIC_NUMBER:
        raise ValueError("it does not begin with PyTorch's magic number")
    if pickled.load(stream) != _PROTOCOL_VERSION:
        raise ValueError(f"its protocol version is not {_PROTOCOL_VERSION}")
    system = pickled.load(stream)
    if type(system) is not dict or system.get("little_endian") is not True:
        raise ValueError("it was not written by a little-endian machine")
    state, keys = pickled.load(stream), pickled.load(stream)
    if type(keys) is not list or set(keys) != set(pickled.storages):
        raise ValueError("its list of storages does not match its tensors")
    storages = {}
    for key in keys:
        storage = pickled.storages[key]
        if int.from_bytes(stream.read(8), "little") != storage.size:
            raise ValueError(f"its storage {key[:40]!r} has another size")
        length = storage.size * np.dtype(storage.dtype).itemsize
        storages[key] = _to_numbers(storage, stream.read(length), "<")
    if stream.read(1):
        raise ValueError("it has more bytes after its last storage")
    return state, storages


def _to_numbers(storage, content, byte_order):
    # The storage's numbers: (storage.size,).
    dtype = np.dtype(byte_order + storage.dtype)
    if len(content) != storage.size * dtype.itemsize:
        raise ValueError(
            f"its storage {storage.key[:40]!r} has {len(content)} bytes, not "
            f"{storage.size} numbers of {dtype.itemsize}"
        )
    return np.frombuffer(content, dtype)


def _check_names_and_shapes(state):
    if type(state) is not dict:
        raise ValueError(f"it holds a {type(state).__name__}, not a dict")
    shapes = {
        name: getattr(value, "shape", type(value).__name__)
        for name, value in state.items()
    }
    found = {
        "missing": SHAPES.keys() - shapes.keys(),
        "unexpected": shapes.keys() - SHAPES.keys(),
        "of another shape": {
            name
            for name in SHAPES.keys() & shapes.keys()
            if shapes[name] != SHAPES[name]
        },
    }
    problems = []
    for problem, names in found.items():
        listed = [
            f"{name[:40]!r} {str(shapes.get(name, SHAPES.get(name)))[:40]}"
            for name in sorted(names)[:_LISTED_LIMIT]
        ]
        if len(names) > _LISTED_LIMIT:
            listed.append(f"{len(names) - _LISTED_LIMIT} more")
        if names:
            problems.append(f"{problem}: {', '.join(listed)}")
    if problems:
        raise ValueError(
            f"it needs exactly the tensors {SHAPES}; {'; '.join(problems)}"
        )


def _to_array(name, tensor, storages):
    # The view, copied: tensor.shape. Strides of axes of one are never used.
    strides = [
        stride if size > 1 else 0
        for size, stride in zip(tensor.shape, tensor.strides, strict=True)
    ]
    last = tensor.offset + sum(
        (size - 1) * stride
        for size, stride in zip(tensor.shape, strides, strict=True)
    )
    numbers = storages[tensor.storage.key]
    if tensor.offset < 0 or min(strides) < 0 or last >= len(numbers):
        raise ValueError(f"its tensor {name!r} reaches outside its storage")
    index = tensor.offset + sum(
        axis * stride
        for axis, stride in zip(np.indices(tensor.shape), strides, strict=True)
    )
    with np.errstate(over="ignore", invalid="ignore"):
        array = numbers[index].astype(np.float32)
    if not np.all(np.isfinite(array)):
        raise ValueError(f"its tensor {name!r} has a number that is not finite")
    return array
