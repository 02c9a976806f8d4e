"""Reads `folder:PATH` sources: image files in one folder per class."""

import collections

import numpy as np
from absl import logging

from pipeline.datasets import image_data
from pipeline.datasets import image_files
from pipeline.datasets import image_resizing
from pipeline.datasets import stratified
from pipeline.datasets.sources import folder_tree

# What folders of parts, rather than of classes, are called.
_PARTS = {"test", "testing", "train", "training"}
_PARTS |= {"val", "valid", "validation"}
_READ = ("train", "test")
_SHOWN = 5  # suffixes in a message


def load_folder(path, image_size, test_fraction, seed):
    """Reads a tree of image files.

    Args:
        path: Str or path of the folder, as for `list_folder`.
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
    names, train, test = list_folder(path, test_fraction, seed)
    return image_data.ImageData(
        read_images(train[0], image_size),
        train[1],
        read_images(test[0], image_size),
        test[1],
        class_names=names,
    )


def list_folder(path, test_fraction, seed):
    """Lists a tree of image files and cuts it, without reading one.

    Either `PATH/train/<class>/` and `PATH/test/<class>/`, or `PATH/<class>/`,
    which is cut into a training and a test part, class by class. Images may
    lie in folders below that of their class. Names that start with a dot are
    ignored; so are files with other suffixes than images have, and folders
    beside `train` and `test`, which the log names. Classes and files are
    sorted by name.

    Args:
        path: Str, path or URI of the folder.
        test_fraction: Float in (0, 1), as for `load_folder`.
        seed: Int of at least 0, as for `load_folder`.

    Returns:
        `(class names, train, test)`; both parts are `(files, labels)`: a list
        of paths or URIs, and int64 `(n,)`.

    Raises:
        ConnectionError: If the store of a URI cannot be reached.
        FileNotFoundError: If there is no such folder.
        ValueError: If a class has too few images or is in `test` only, or if
            all classes are called like parts: `Train`, `testing`, `val`, ...
    """
    tree = folder_tree.FolderTree(path)
    if _is_split(tree):
        return _list_split(tree)
    return _cut_classes(tree, test_fraction, seed)


def _is_split(tree):
    """Whether `train` holds classes, and is not a class named "train"."""
    if not tree.folders("train"):
        return False
    if "test" not in tree.folders():
        raise ValueError(
            f"{tree.place()} must hold `test` next to `train`. "
            f"Received: {', '.join(tree.folders())}"
        )
    return True


def _list_split(tree):
    """Returns class names and the (files, labels) of `train` and `test`."""
    ignored = [name for name in tree.folders() if name not in _READ]
    if ignored:
        logging.warning(
            "%s: only `train` and `test` are read. Ignored: %s",
            tree.place(),
            ", ".join(ignored),
        )
    names, *train = list_classes(tree, "train")
    test_names, files, labels = list_classes(tree, "test")
    unknown = sorted(set(test_names) - set(names))
    if unknown:
        raise ValueError(
            f"Each class of {tree.place('test')} must be in "
            f"{tree.place('train')} too. "
            f"Received: test only: {', '.join(unknown)}"
        )
    train_label = np.array([names.index(name) for name in test_names], np.int64)
    return names, tuple(train), (files, train_label[labels])


def _cut_classes(tree, test_fraction, seed):
    """Returns class names and two (files, labels) cut from one tree."""
    names, files, labels = list_classes(tree)
    counts = np.bincount(labels)
    if counts.min() < 2:
        raise ValueError(
            f"{tree.place(names[counts.argmin()])} must hold at least 2 "
            "images, one for training and one for the test. Received: 1"
        )
    train, test = (
        ([files[index] for index in part], labels[part])
        for part in stratified.stratified_split(labels, test_fraction, seed)
    )
    return names, train, test


def list_classes(tree, *part):
    """Lists a folder that holds one folder per class.

    Args:
        tree: `FolderTree`.
        *part: Strs, the names of folders from the root of the tree down to
            that folder; none for the root.

    Returns:
        `(class names, files, labels)`: a sorted tuple of str, a list of paths
        or URIs, and int64 `(n,)`.

    Raises:
        ValueError: If there is no class, or a class without an image, or if
            all classes at the root are called like parts of a data set.
    """
    names = tuple(tree.folders(*part))
    if not names:
        raise ValueError(
            f"{tree.place(*part)} must hold one folder per class. "
            "Received: no folder"
        )
    if not part and all(name.lower() in _PARTS for name in names):
        raise ValueError(
            f"{tree.place()} must hold one folder per class, or folders that "
            "are called `train` and `test` (few-shot learning: and `val`), in "
            "lower case, with one folder per class in each. "
            f"Received: {', '.join(names)}"
        )
    files, labels, skipped = [], [], collections.Counter()
    for label, name in enumerate(names):
        found, others = tree.images_and_others(*part, name)
        if not found:
            raise ValueError(
                f"{tree.place(*part, name)} must hold at least one image "
                f"({', '.join(image_files.SUFFIXES)}). "
                f"Received: {_counts(others) or 'none'}"
            )
        files += found
        labels += [label] * len(found)
        skipped += others
    if skipped:
        logging.warning(
            "%s: skipped %d files that have no image's suffix: %s",
            tree.place(*part),
            skipped.total(),
            _counts(skipped),
        )
    return names, files, np.array(labels, np.int64)


def _counts(suffixes):
    """Returns how often there are the commonest suffixes, as text."""
    texts = [f"{n} x {name}" for name, n in suffixes.most_common(_SHOWN)]
    return ", ".join(texts + ["..."] * (len(suffixes) > _SHOWN))


def read_images(files, image_size, channels=3):
    """Returns `(n, image_size, image_size, channels)` uint8.

    Args:
        files: List of paths or URIs.
        image_size: Int, height and width of the result in pixels.
        channels: 3 (default), or 1 for gray images.

    Raises: ConnectionError, ValueError, as `image_files.decode`.
    """
    images = np.empty((len(files), image_size, image_size, channels), np.uint8)
    for row, file in enumerate(files):
        images[row] = read_image(file, image_size, channels)
    return images


def read_image(file, image_size, channels=3):
    """Returns one image file as uint8 `(image_size, image_size, channels)`.

    Args, Raises: As `read_images`.
    """
    pixels = image_files.decode(file)[None]  # (1, height, width, 3)
    return image_resizing.resize_array(pixels, image_size, channels)[0]
