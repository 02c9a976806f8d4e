"""Reads `folder:PATH` sources: image files in one folder per class."""

import hashlib

import numpy as np
from absl import logging

from pipeline.datasets import image_data
from pipeline.datasets import image_files
from pipeline.datasets import image_resizing
from pipeline.datasets import stratified
from pipeline.datasets.sources import folder_record
from pipeline.datasets.sources import folder_tree

# What folders of parts, rather than of classes, are called.
_PARTS = {"test", "testing", "train", "training"}
_PARTS |= {"val", "valid", "validation"}
_READ = ("train", "test")
_SHOWN = 5  # kinds in a message
_LISTED = 20  # bad files in a message


def load_folder(
    path,
    image_size,
    test_fraction,
    seed,
    noted=None,
    for_training=True,
    keep_repeated=False,
):
    """Reads a tree of image files.

    Args:
        path: Str or path of the folder, as for `list_folder`.
        image_size: Int, height and width of the result in pixels.
        test_fraction: Float in (0, 1), the test share of each class where
            there is no `test` folder.
        seed: Int of at least 0 that decides which images these are.
        noted: The `record` of an earlier call, whose images these are to be;
            None (default) for a cut of its own.
        for_training: Bool, default True: every noted file is needed; else
            some of the noted test images are enough.
        keep_repeated: Bool, default False: test images that are among the
            training images, to the byte, are left out.

    Returns:
        `ImageData` with a `record` (folder_record.py), not checked by
        `check_image_data` yet.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If a class has too few images or is in `test` only, if
            a file cannot be read, or noted files are gone or have changed.
    """
    tree = folder_tree.FolderTree(path)
    if noted is None:
        names, train, test = _list(tree, test_fraction, seed)
    else:
        names, train, test = _noted_cut(tree, noted, for_training)
    images, digests = read_images([*train[0], *test[0]], image_size)
    labels = np.concatenate([train[1], test[1]])
    files = [tree.name(file) for file in (*train[0], *test[0])]
    is_test = np.arange(len(labels)) >= len(train[1])
    if noted is None:
        leaking = folder_record.repeated(digests, labels, is_test, tree.place())
        leaking &= not keep_repeated
        if leaking[is_test].all():
            raise ValueError(
                f"{tree.place()} must hold test images that are no training "
                "images. Received: the same images, to the byte, in both"
            )
    else:
        leaking = np.zeros(len(labels), bool)
        found = dict(zip(files, digests))
        folder_record.check_unchanged(noted, found, tree.place())
    kept = is_test & ~leaking
    record = noted
    if record is None:
        record = {"classes": list(names), "split": _is_split(tree)}
        parts = {"train": ~is_test, "test": kept, "left_out": leaking}
        for part, chosen in parts.items():
            some = np.flatnonzero(chosen)
            record[part] = {files[index]: digests[index] for index in some}
    return image_data.ImageData(
        images[~is_test],
        labels[~is_test],
        images[kept],
        labels[kept],
        class_names=names,
        record=record,
    )


def _noted_cut(tree, noted, for_training):
    """Returns class names and two (files, labels) as a record has them."""
    images, _ = tree.images_and_others()
    current = {tree.name(image): image for image in images}
    depth = 1 if noted["split"] else 0  # below `train` or `test`
    return folder_record.noted_cut(
        noted,
        current,
        lambda name: name.split("/")[depth],
        tree.place(),
        for_training,
    )


def list_folder(path, test_fraction, seed):
    """Lists a tree of image files and cuts it, without reading one.

    Either `PATH/train/<class>/` and `PATH/test/<class>/`, or `PATH/<class>/`,
    which is cut into a training and a test part, class by class. Images may
    lie in folders below that of their class. Names that start with a dot are
    left out, and so are what systems leave behind (`folder_tree.LEFTOVERS`),
    files with other suffixes than images have, and folders beside `train` and
    `test`; the log counts them. Classes and files are sorted by name.

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
    return _list(folder_tree.FolderTree(path), test_fraction, seed)


def _list(tree, test_fraction, seed):
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
    files, labels, skipped = [], [], tree.left_out(*part)
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
            "%s: left out %d that are no images of a class: %s",
            tree.place(*part),
            skipped.total(),
            _counts(skipped),
        )
    return names, files, np.array(labels, np.int64)


def _counts(kinds):
    """Returns how often there are the commonest kinds, as text."""
    texts = [f"{n} x {name}" for name, n in kinds.most_common(_SHOWN)]
    return ", ".join(texts + ["..."] * (len(kinds) > _SHOWN))


def read_images(files, image_size, channels=3):
    """Reads image files.

    Args:
        files: List of paths or URIs.
        image_size: Int, height and width of the result in pixels.
        channels: 3 (default), or 1 for gray images.

    Returns: uint8 `(n, image_size, image_size, channels)`, and the SHA-256 of
        each file, a list of str.
    Raises: ConnectionError, ValueError, as `image_files.decode`; with several
        bad files, one error that lists them.
    """
    images = np.empty((len(files), image_size, image_size, channels), np.uint8)
    digests, errors = [], []
    for row, file in enumerate(files):
        try:
            content = image_files.read(file)
            digests.append(hashlib.sha256(content).hexdigest())
            pixels = image_files.decode_bytes(content, file)[None]
            images[row] = image_resizing.resize_array(
                pixels, image_size, channels
            )[0]
        except ValueError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        lines = [f"\n  {error}" for error in errors[:_LISTED]]
        more = len(errors) - _LISTED
        rest = f"\n  and {more} more" if more > 0 else ""
        raise ValueError(
            f"{len(errors)} of {len(files)} image files cannot be read:"
            f"{''.join(lines)}{rest}"
        )
    return images, digests


def read_image(file, image_size, channels=3):
    """Returns one image file as uint8 `(image_size, image_size, channels)`.

    Args, Raises: As `read_images`.
    """
    return read_images([file], image_size, channels)[0][0]
