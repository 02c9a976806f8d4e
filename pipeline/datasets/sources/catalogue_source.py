"""Reads `paper:NAME` and `subset:NAME` sources: the sets of the catalogue."""

import dataclasses
import pathlib

import numpy as np

from pipeline.datasets import image_data
from pipeline.datasets import stratified
from pipeline.datasets.sources import catalogue
from pipeline.datasets.sources import npz_source
from pipeline.datasets.sources import tfds_source


def load_paper(name, image_size, data_dir, manual_dir):
    """Reads a data set of the paper, whole or as small as the paper has it.

    Args:
        name: Str, one of `catalogue.names()`.
        image_size: Int, height and width of the result in pixels.
        data_dir: Where prepared data sets lie; None for TFDS's own place.
        manual_dir: Where data that TFDS cannot download lie, or None.

    Returns:
        `ImageData`, not checked by `check_image_data` yet.

    Raises:
        FileNotFoundError: If the data are not there and cannot be downloaded.
        ValueError: If there is no such name, or if the data are not as many
            images and classes as the catalogue says.
    """
    entry = catalogue.entry(name)
    first = entry.first_per_class
    data = tfds_source.load_tfds(
        entry.tfds_name,
        image_size,
        data_dir,
        manual_dir,
        splits=(entry.train_split, entry.test_split),
        file_order=first is not None,
    )
    if first is not None:
        kept = stratified.first_per_class(data.train_labels, first)
        data = dataclasses.replace(
            data,
            train_images=data.train_images[kept],
            train_labels=data.train_labels[kept],
        )
    _check_sizes(entry, data)
    return data


def load_subset(names, image_size, manual_dir):
    """Reads files with parts of data sets, their classes side by side.

    Args:
        names: Str, one of `catalogue.subset_names()`, or several with + between
            them.
        image_size: Int, height and width of the result in pixels.
        manual_dir: The folder that the files are in.

    Returns:
        `ImageData`, not checked by `check_image_data` yet.

    Raises:
        FileNotFoundError: If a file is not there.
        ValueError: If there is no such name, or if a file is damaged.
    """
    parts = [
        npz_source.load_npz(_subset_file(name, manual_dir), image_size)
        for name in names.split("+")
    ]
    return _side_by_side(parts)


def _subset_file(name, manual_dir):
    entry = catalogue.subset_entry(name)
    path = manual_dir and pathlib.Path(manual_dir).expanduser() / entry.file
    if not path or not path.is_file():
        raise FileNotFoundError(
            f"`source` subset:{name} needs {entry.file} in `manual_dir`. "
            f"Received: manual_dir={str(manual_dir)!r}, no such file there"
            if manual_dir
            else f"`source` subset:{name} needs the folder of {entry.file} as "
            "`manual_dir`. Received: none"
        )
    return path


def _side_by_side(parts):
    """Returns one `ImageData` of all, labels counted on."""
    if len(parts) == 1:
        return parts[0]
    counts = [len(part.class_names) for part in parts]
    firsts = np.cumsum([0, *counts[:-1]])
    return image_data.ImageData(
        train_images=np.concatenate([part.train_images for part in parts]),
        train_labels=np.concatenate(
            [part.train_labels + first for part, first in zip(parts, firsts)]
        ),
        test_images=np.concatenate([part.test_images for part in parts]),
        test_labels=np.concatenate(
            [part.test_labels + first for part, first in zip(parts, firsts)]
        ),
        class_names=tuple(name for part in parts for name in part.class_names),
    )


def _check_sizes(entry, data):
    expected = entry.train_examples, entry.test_examples, entry.classes
    labels = data.train_labels
    received = len(labels), len(data.test_labels), len(np.unique(labels))
    if received != expected:
        raise ValueError(
            f"`source` paper:{entry.name} must be the whole set: "
            f"{_describe(*expected)}. Received: {_describe(*received)}; "
            f"tfds:{entry.tfds_name} takes a part of it"
        )


def _describe(train, test, classes):
    return f"{train:,} training and {test:,} test images of {classes} classes"
