"""Some of the classes of a data set, as the config key `data.classes` says."""

import dataclasses

import numpy as np

from mp_keras import error_texts
from pipeline.datasets import mapped_images

_SHOWN_NAMES = 10  # of classes, in an error


def of_classes(data, wanted):
    """Returns `ImageData` of some classes, in the order of the source.

    Args:
        data: `ImageData`.
        wanted: Sequence of names, or of numbers from 0; none: all classes.

    Raises: ValueError, if it is one class, or one is unknown or there twice.
    """
    if not wanted:
        return data
    names = data.class_names
    numbers = {
        *(each for each in wanted if each in range(len(names))),
        *(number for number, name in enumerate(names) if name in wanted),
    }
    if len(wanted) < 2 or len(numbers) != len(wanted):
        shown = error_texts.few(tuple(map(repr, names)), _SHOWN_NAMES)
        raise ValueError(
            "Config key `data.classes` must give two classes or more, each "
            f"once, of {shown}, by name or by number from 0. "
            f"Received: data.classes={tuple(wanted)}"
        )
    chosen = np.array(sorted(numbers))

    def part(images, labels):
        rows = np.flatnonzero(np.isin(labels, chosen))
        renamed = np.searchsorted(chosen, labels[rows])
        return mapped_images.take(images, rows), renamed

    train_images, train_labels = part(data.train_images, data.train_labels)
    test_images, test_labels = part(data.test_images, data.test_labels)
    return dataclasses.replace(
        data,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        class_names=tuple(names[number] for number in chosen),
        known_digest=None,
        validation=data.validation and part(*data.validation),
        test_names=tuple(
            name
            for name, label in zip(data.test_names, data.test_labels)
            if label in numbers
        ),
        train_digests=tuple(
            digest
            for digest, label in zip(data.train_digests, data.train_labels)
            if label in numbers
        ),
    )
