"""Reads `tfds:NAME` sources through TensorFlow Datasets."""

import difflib

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from pipeline.datasets import image_data
from pipeline.datasets import image_resizing

_BATCH = 256


def load_tfds(name, image_size, data_dir, manual_dir):
    """Reads a data set of TensorFlow Datasets, preparing it if need be.

    Args:
        name: Str as `tfds.builder` takes it: `NAME`, `NAME/config`,
            `NAME:version`.
        image_size: Int, height and width of the result in pixels.
        data_dir: Where prepared data sets lie; None for TFDS's own place.
        manual_dir: Where data that TFDS cannot download lie, or None.

    Returns:
        `ImageData`, not checked by `check_image_data` yet. The test part is
        the split "test", or else "validation".

    Raises:
        FileNotFoundError: If data to be put into `manual_dir` are missing.
        ValueError: If there is no such data set, or if it lacks a split or
            the features "image" (uint8) and "label" (an integer).
    """
    builder = _make_builder(name, data_dir)
    _check_features(builder, name)
    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    try:
        builder.download_and_prepare(download_config=config)
    except AssertionError as error:  # how TFDS reports an empty manual_dir
        if builder.MANUAL_DOWNLOAD_INSTRUCTIONS is None:
            raise
        raise FileNotFoundError(
            f"`source` tfds:{name} needs files in `manual_dir`. "
            f"Received: {error}"
        ) from error
    splits = builder.info.splits
    test = "test" if "test" in splits else "validation"
    if "train" not in splits or test not in splits:
        raise ValueError(
            f"`source` tfds:{name} must have a split train, and test or "
            f"validation. Received: {', '.join(splits)}"
        )
    label = builder.info.features["label"]
    train_images, train_labels = _read_split(builder, "train", image_size)
    test_images, test_labels = _read_split(builder, test, image_size)
    names = getattr(label, "names", None)
    if not names:
        last = max(train_labels.max(initial=0), test_labels.max(initial=0))
        names = [str(number) for number in range(last + 1)]
    return image_data.ImageData(
        train_images, train_labels, test_images, test_labels, tuple(names)
    )


def _make_builder(name, data_dir):
    try:
        return tfds.builder(name, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, ValueError) as error:
        base = name.split("/")[0].split(":")[0]
        known = tfds.list_builders(with_community_datasets=False)
        if base in known:
            raise ValueError(
                f"`source` tfds:{name} must name a configuration and version "
                f"of {base}. Received: {error}"
            ) from error
        close = difflib.get_close_matches(base, known, n=3, cutoff=0.5)
        hint = f" Did you mean {', '.join(close)}?" if close else ""
        raise ValueError(
            "`source` must be tfds: and the name of a TensorFlow data set."
            f"{hint} Received: tfds:{name}"
        ) from error


def _check_features(builder, name):
    features = builder.info.features
    is_dict = isinstance(features, tfds.features.FeaturesDict)
    keys = set(features) if is_dict else set()
    if {"image", "label"} <= keys:
        image, label = features["image"], features["label"]
        if (
            isinstance(image, tfds.features.Image)
            and image.np_dtype == np.uint8
            and label.shape == ()
            and np.issubdtype(label.np_dtype, np.integer)
        ):
            return
    raise ValueError(
        f"`source` tfds:{name} must have the features image (uint8) and label "
        f"(an integer). Received: {', '.join(sorted(keys)) or features}"
    )


def _read_split(builder, split, image_size):
    """Returns uint8 images `(n, size, size, 3)` and int64 labels `(n,)`."""
    dataset = builder.as_dataset(
        split=split,
        shuffle_files=False,
        decoders=tfds.decode.PartialDecoding({"image": True, "label": True}),
    )

    def resize_batch(example):
        images = image_resizing.to_three_channels(example["image"])
        labels = tf.cast(example["label"], tf.int64)
        return image_resizing.resize(images, image_size), labels

    shape = builder.info.features["image"].shape
    batch = _BATCH if None not in shape else 1  # sizes that vary: one by one
    dataset = dataset.batch(batch).map(
        resize_batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    if batch == 1:
        dataset = dataset.unbatch().batch(_BATCH)
    count = builder.info.splits[split].num_examples
    images = np.empty((count, image_size, image_size, 3), np.uint8)
    labels = np.empty((count,), np.int64)
    start = 0
    for some_images, some_labels in dataset.as_numpy_iterator():
        stop = start + len(some_labels)
        images[start:stop], labels[start:stop] = some_images, some_labels
        start = stop
    return images, labels
