"""Reads `folder:PATH` sources: image files in one folder per class."""

import os
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image
from PIL import ImageOps

from pipeline.datasets import image_data
from pipeline.datasets import image_resizing
from pipeline.datasets import stratified

_SUFFIXES = (
    ".bmp",
    ".gif",
    ".jpeg",
    ".jpg",
    ".png",
    ".tif",
    ".tiff",
    ".webp",
)


def load_folder(path, image_size, test_fraction, seed):
    """Reads a tree of image files.

    Either `PATH/train/<class>/` and `PATH/test/<class>/`, or `PATH/<class>/`,
    which is cut into a training and a test part, class by class. Images may
    lie in folders below that of their class. Names that start with a dot and
    files that are no images are ignored; classes and files are sorted by name.

    Args:
        path: Str or path of the folder.
        image_size: Int, height and width of the result in pixels.
        test_fraction: Float in (0, 1), the test share of each class where
            there is no `test` folder.
        seed: Int of at least 0 that decides which images these are.

    Returns:
        `ImageData`, not checked by `check_image_data` yet.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If a class has too few images or is in `test` only, or if
            a file cannot be read.
    """
    path = pathlib.Path(path).expanduser()
    if not path.is_dir():
        raise FileNotFoundError(
            f"`source` folder:{path} must name a folder. "
            "Received: no such folder"
        )
    if _is_split(path):
        names, train, test = _list_split(path)
    else:
        names, train, test = _cut_classes(path, test_fraction, seed)
    return image_data.ImageData(
        _read_images(train[0], image_size),
        train[1],
        _read_images(test[0], image_size),
        test[1],
        class_names=names,
    )


def _visible_folders(path):
    return sorted(
        child.name
        for child in path.iterdir()
        if child.is_dir() and not child.name.startswith(".")
    )


def _is_split(path):
    """Whether `train` holds classes, and is not a class named "train"."""
    train = path / "train"
    if not train.is_dir() or not _visible_folders(train):
        return False
    if not (path / "test").is_dir():
        raise ValueError(
            f"{path} must hold `test` next to `train`. "
            f"Received: {', '.join(_visible_folders(path))}"
        )
    return True


def _list_split(path):
    """Returns class names and the (files, labels) of `train` and `test`."""
    names, *train = _list_classes(path / "train")
    test_names, files, labels = _list_classes(path / "test")
    unknown = sorted(set(test_names) - set(names))
    if unknown:
        raise ValueError(
            f"Each class of {path / 'test'} must be in {path / 'train'} too. "
            f"Received: test only: {', '.join(unknown)}"
        )
    train_label = np.array([names.index(name) for name in test_names], np.int64)
    return names, train, (files, train_label[labels])


def _cut_classes(path, test_fraction, seed):
    """Returns class names and two (files, labels) cut from one tree."""
    names, files, labels = _list_classes(path)
    counts = np.bincount(labels)
    if counts.min() < 2:
        raise ValueError(
            f"{path / names[counts.argmin()]} must hold at least 2 images, one "
            "for training and one for the test. Received: 1"
        )
    train, test = (
        ([files[index] for index in part], labels[part])
        for part in stratified.stratified_split(labels, test_fraction, seed)
    )
    return names, train, test


def _list_classes(path):
    """Returns `(class names, files, int64 labels)` of one folder a class."""
    names = tuple(_visible_folders(path))
    if not names:
        raise ValueError(
            f"{path} must hold one folder per class. Received: no folder"
        )
    files, labels = [], []
    for label, name in enumerate(names):
        found = _list_images(path / name)
        if not found:
            raise ValueError(
                f"{path / name} must hold at least one image "
                f"({', '.join(_SUFFIXES)}). Received: none"
            )
        files += found
        labels += [label] * len(found)
    return names, files, np.array(labels, np.int64)


def _list_images(folder):
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            pathlib.Path(parent, name)
            for name in names
            if name.lower().endswith(_SUFFIXES) and not name.startswith(".")
        ]
    return sorted(found)


def _read_images(files, image_size):
    """Returns `(n, image_size, image_size, 3)` uint8."""
    images = np.empty((len(files), image_size, image_size, 3), np.uint8)
    for row, file in enumerate(files):
        pixels = _decode(file)[None]  # (1, height, width, 3)
        images[row] = image_resizing.resize_array(pixels, image_size)[0]
    return images


def _decode(file):
    """Returns `(height, width, 3)` uint8, upright as a camera meant it."""
    try:
        with Image.open(file) as image:
            image = ImageOps.exif_transpose(image)
            if image.mode.startswith("I;16"):  # 16 bits: keep the upper 8
                return np.repeat(
                    (np.asarray(image) // 256).astype(np.uint8)[..., None],
                    3,
                    axis=2,
                )
            return np.asarray(image.convert("RGB"))
    except (
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        struct.error,
        zlib.error,
    ) as error:
        raise ValueError(
            f"{file} must be a complete image of a sensible size. "
            f"Received: {error}"
        ) from error
