"""The data of a target training: training, validation and test part."""

import dataclasses

import numpy as np

from mp_keras import error_texts
from pipeline import datasets
from pipeline.datasets import class_choice
from pipeline.datasets import image_data
from pipeline.datasets import mapped_images
from pipeline.runs import config_values

_SHOWN_NAMES = 10  # of classes, in an error


def load_data(
    config,
    data_dir=None,
    source=None,
    noted=None,
    for_training=True,
    read=datasets.load_images,
):
    """Returns `ImageData` and the validation part of a target config.

    The validation part (images, labels) is a part of the training images that
    `examples_per_class` leaves: whoever has N labelled images of each class
    has to take it from them. Without a `validation_fraction` it is None.

    Args:
        config: Config of `configs/target/`.
        data_dir: Where TFDS keeps prepared data sets, or None for its default.
        source: Where a copy of the config's data lies, or None (default).
        noted: What the run noted of its data, `run_folder.noted_data()`, or
            None (default).
        for_training: Bool, default True: all that was noted is needed; else
            the test part is, and neither the rest is checked nor anything held
            out of it.
        read: Function, as `datasets.load_images` (default).

    Raises: as `datasets.load_images`.
    """
    data = read(
        source or config.data.source,
        noted=noted,
        for_training=for_training,
        keep_repeated=config.data.keep_repeated,
        **reading(config, data_dir),
    )
    data = class_choice.of_classes(data, config.data.classes)
    if config.data.pooled:
        data = _drawn_anew(
            data, config.data.examples_per_class, config.data.seed
        )
    if not for_training:
        return data, None
    if config.data.classes:
        image_data.check_image_data(
            data,
            f"{config.data.source} of data.classes={config.data.classes}",
        )
    images, labels = data.train_images, data.train_labels
    digests = np.array(() if config.data.keep_repeated else data.train_digests)
    if config.data.examples_per_class:
        kept = datasets.balanced_subset(
            labels, config.data.examples_per_class, config.data.seed
        )
        images = mapped_images.take(images, kept)
        labels = labels[kept]
        digests = digests[kept] if len(digests) else digests
    validation = data.validation
    if validation is None and config.data.validation_fraction:
        _check_counts(labels, data.class_names)
        images, labels, *validation = datasets.hold_out(
            images,
            labels,
            config.data.validation_fraction,
            config.data.seed,
            digests,
        )
    config_values.check_batch_size(
        config.batch_size, len(labels), config.data.source
    )
    data = dataclasses.replace(data, train_images=images, train_labels=labels)
    return data, validation


def _check_counts(labels, names):
    counts = np.bincount(labels, minlength=len(names))
    if single := [name for name, count in zip(names, counts) if count == 1]:
        shown = error_texts.few(tuple(map(repr, single)), _SHOWN_NAMES)
        raise ValueError(
            "Each class must have 2 images to train on or more, one of them "
            "for validation; or Config key `data.validation_fraction` must be "
            f"0. Received: a single image of {shown}"
        )


def reading(config, data_dir=None):
    """Returns how a target config reads a source, for `load_images`."""
    return {
        "image_size": config.image_size,
        "data_dir": data_dir,
        "manual_dir": config.data.manual_dir or None,
        "test_fraction": config.data.test_fraction,
        "seed": config.data.seed,
        "memory_gib": config.data.memory_gib,
        "cache_gib": config.data.cache_gib,
    }


def _drawn_anew(data, examples_per_class, seed):
    """Returns `ImageData` that trains on a draw and tests on all others."""
    if not examples_per_class:
        raise ValueError(
            "Config key `data.examples_per_class` must be at least 1 where "
            "`data.pooled` is true: all other images are the test part. "
            "Received: data.examples_per_class=0"
        )
    if "digest" not in data.record:
        raise ValueError(
            "Config key `data.pooled` must be false for a folder of images, "
            "whose run notes the part that it tests on. Received: True"
        )
    images = np.concatenate([data.train_images[:], data.test_images[:]])
    labels = np.concatenate([data.train_labels, data.test_labels])
    drawn = datasets.balanced_subset(labels, examples_per_class, seed)
    rest = np.setdiff1d(np.arange(len(labels)), drawn)
    if not len(rest):
        raise ValueError(
            "Config key `data.examples_per_class` must leave images to test "
            f"on. Received: {examples_per_class} of each class, which are all"
        )
    return dataclasses.replace(
        data,
        train_images=images[drawn],
        train_labels=labels[drawn],
        test_images=images[rest],
        test_labels=labels[rest],
    )
