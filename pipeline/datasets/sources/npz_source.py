"""Reads `npz:PATH` sources: arrays in one file, never pickles."""

import pathlib
import zipfile

import numpy as np
from absl import logging

from mp_keras import error_texts
from mp_keras import npz_members
from pipeline.datasets import image_data
from pipeline.datasets import image_resizing
from pipeline.listing import source_names

_KEYS = (
    "train_images",
    "train_labels",
    "test_images",
    "test_labels",
    "class_names",
)
_VALIDATION_KEYS = ("validation_images", "validation_labels")
_DIGESTS = "train_digests"  # of the files that ExampleGen read
# Larger arrays must not have been compressed to less than 1/200: images never
# are, bombs are to 1/1000.
_SMALL = 2**26  # bytes
_MOST_COMPRESSED = 200


def load_npz(path, image_size, check_count=lambda examples: None):
    """Reads an npz file.

    Args:
        path: Str or path of a file with `{train,test}_images` (uint8, NHWC or
            NHW), `{train,test}_labels` (integers) and `class_names` (str); and
            perhaps `validation_images` and `validation_labels`; and, of
            ExampleGen, `train_digests`.
        image_size: Int, height and width of the result in pixels.
        check_count: Function of the number of images, called before they are
            brought to that size; default: none.

    Returns:
        `ImageData`, not checked by `check_image_data` yet.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, holds pickled objects, lacks a key
            or has an array of another type or shape.
    """
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"`source` npz:{path} must name a file.{source_names.hint(path)} "
            f"Received: {'a folder' if path.is_dir() else 'no such file'}"
        )
    arrays = _read_arrays(path)
    images = [key for key in arrays if key.endswith("images")]
    for key in images:
        _check_part(path, key.removesuffix("_images"), arrays)
    names = arrays["class_names"]
    if names.ndim != 1 or names.dtype.kind != "U":
        raise ValueError(
            f"`class_names` of {path} must be strings of shape (classes,). "
            f"Received: {names.dtype} of shape {names.shape}"
        )
    digests = tuple(arrays.get(_DIGESTS, np.array(())).tolist())
    if digests and len(digests) != len(arrays["train_labels"]):
        raise ValueError(
            f"`{_DIGESTS}` of {path} must be one per training image. "
            f"Received: {len(digests)}"
        )
    check_count(sum(len(arrays[key]) for key in images))

    def read(keys):
        return tuple(
            image_resizing.resize_array(arrays[key], image_size)
            if key.endswith("images")
            else arrays[key].astype(np.int64)
            for key in keys
        )

    return image_data.ImageData(
        *read(_KEYS[:4]),
        class_names=tuple(names.tolist()),
        validation=read(_VALIDATION_KEYS)
        if _VALIDATION_KEYS[0] in images
        else None,
        train_digests=digests,
        original_size=arrays["train_images"].shape[1:3],
    )


def _read_arrays(path):
    """Returns `{key: array}` for the five keys and those that may be there."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            keys = _KEYS
            if any(f"{key}.npy" in members for key in _VALIDATION_KEYS):
                keys += _VALIDATION_KEYS
            if f"{_DIGESTS}.npy" in members:
                keys += (_DIGESTS,)
            _warn_of_others(path, keys, members)
            missing = [key for key in keys if f"{key}.npy" not in members]
            if not missing:
                return {
                    key: npz_members.read_array(archive, key, _most_bytes)
                    for key in keys
                }
    # A damaged file raises nearly anything.
    except Exception as error:
        raise ValueError(
            f"{path} must be a complete npz file of plain arrays, without "
            "pickled objects. "
            f"Received: {error_texts.brief(error)}"
        ) from error
    raise ValueError(
        f"{path} must hold the keys {', '.join(keys)}. "
        f"Received: no {', '.join(missing)}"
    )


def _warn_of_others(path, keys, members):
    """Says which arrays of images are not read, as `val_images`."""
    names = {member.removesuffix(".npy") for member in members} - set(keys)
    ignored = sorted(name for name in names if name.endswith("_images"))
    if ignored:
        logging.warning(
            "%s: only train_images, test_images and validation_images are "
            "read. Ignored: %s",
            path,
            ", ".join(ignored),
        )


def _most_bytes(packed):
    return max(_SMALL, _MOST_COMPRESSED * packed)


def _check_part(path, part, arrays):
    images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
    shaped = images.ndim == 3 or (
        images.ndim == 4 and images.shape[3] in (1, 3, 4)
    )
    if images.dtype != np.uint8 or not shaped or 0 in images.shape[1:]:
        raise ValueError(
            f"`{part}_images` of {path} must be uint8 of shape (n, height, "
            "width) or (n, height, width, 1, 3 or 4). "
            f"Received: {images.dtype} of shape {images.shape}"
        )
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"`{part}_labels` of {path} must be integers of shape (n,). "
            f"Received: {labels.dtype} of shape {labels.shape}"
        )
    if len(images) != len(labels) or not len(images):
        raise ValueError(
            f"`{part}_images` and `{part}_labels` of {path} must have the same "
            f"length, at least 1. Received: {len(images)} and {len(labels)}"
        )
