"""Reads `tfds:NAME` sources through TensorFlow Datasets."""

import difflib
import textwrap

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from mp_keras import untuned_datasets
from pipeline.datasets import image_data
from pipeline.datasets import image_resizing

_BATCH = 256
_OURS = (
    "glyphs",
    "digits",
    "colored_digits",
    "tiny_imagenet",
    "stanford_cars",
    "fgvc_aircraft",
    "cub_200_2011",
)
_REASON_LENGTH = 300  # characters of a library's error
_PACKAGES = {"cv2": "opencv-python-headless"}  # where the name differs


def load_tfds(
    name,
    image_size,
    data_dir,
    manual_dir,
    *,
    splits=None,
    file_order=False,
    check_count=lambda examples: None,
):
    """Reads a data set of TensorFlow Datasets, preparing it if need be.

    Args:
        name: Str as `tfds.builder` takes it: `NAME`, `NAME/config`,
            `NAME:version`.
        image_size: Int, height and width of the result in pixels.
        data_dir: Where prepared data sets lie; None for TFDS's own place.
        manual_dir: Where data that TFDS cannot download lie, or None.
        splits: The names of the splits to train and to test on; default None
            for "train", and "test" or else "validation".
        file_order: Bool, default False, whether to bring the training images
            into the order of the original files, by the feature "id"; TFDS
            shuffles when it prepares a data set.
        check_count: Function of the number of images, called before the first
            is read; default: none.

    Returns:
        `ImageData`, not checked by `check_image_data` yet.

    Raises:
        FileNotFoundError: If data to be put into `manual_dir` are missing or
            a download failed.
        ValueError: If there is no such data set, or if it lacks a split or
            the features "image" (uint8) and "label" (an integer), or "id" (a
            text) where it is needed.
    """
    builder, (train, test) = prepare(
        name, data_dir, manual_dir, splits=splits, file_order=file_order
    )
    known = builder.info.splits
    check_count(known[train].num_examples + known[test].num_examples)
    train_images, train_labels = _read_split(
        builder, train, image_size, file_order
    )
    test_images, test_labels = _read_split(builder, test, image_size)
    last = max(train_labels.max(initial=0), test_labels.max(initial=0))
    return image_data.ImageData(
        train_images,
        train_labels,
        test_images,
        test_labels,
        class_names(builder, last),
    )


def prepare(name, data_dir, manual_dir, *, splits=None, file_order=False):
    """Downloads and prepares a data set, unless that was done before.

    Args:
        name, data_dir, manual_dir, splits, file_order: As for `load_tfds`.

    Returns:
        `(builder, (train, test))`: the TFDS builder, and the names of the
        splits.

    Raises:
        FileNotFoundError, ValueError: As `load_tfds`.
    """
    builder = _make_builder(name, data_dir)
    _check_features(builder, name, file_order)
    try:
        _prepare(builder, name, manual_dir)
    except FileExistsError:  # by another process, meanwhile
        builder = _make_builder(name, data_dir)
        if not builder.data_path.exists():
            raise
    return builder, _choose_splits(builder, name, splits)


def class_names(builder, last_label):
    """Returns a tuple of str, the numbers up to a label where TFDS has none."""
    names = getattr(builder.info.features["label"], "names", None)
    return tuple(names or map(str, range(last_label + 1)))


def read_range(name, data_dir, split, start, stop, image_size):
    """Yields examples `start` to `stop` of a split of a prepared data set.

    They are numbered in the order of the files. `load_tfds` reads several
    files in turn, so it has this order where a split is in one file.

    Args:
        name, data_dir, image_size: As for `load_tfds`.
        split: Str, the name of the split.
        start, stop: Ints.

    Yields: `(image, label)`: uint8 `(image_size, image_size, 3)` and an int.
    """
    dataset = _make_builder(name, data_dir).as_dataset(
        split=f"{split}[{start}:{stop}]",
        shuffle_files=False,
        decoders=tfds.decode.PartialDecoding({"image": True, "label": True}),
        read_config=tfds.ReadConfig(
            try_autocache=False, interleave_cycle_length=1
        ),
    )
    for example in dataset:
        image = image_resizing.to_three_channels(example["image"][None])
        image = image_resizing.resize(image, image_size)[0]
        yield image.numpy(), int(example["label"])


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
            "`source` must be tfds: and the name of a TensorFlow data set, or "
            f"of one of ours: {', '.join(_OURS)}.{hint} Received: tfds:{name}"
        ) from error


def _check_features(builder, name, file_order):
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
            and (not file_order or "id" in keys)
        ):
            return
    raise ValueError(
        f"`source` tfds:{name} must have the features image (uint8) and label "
        f"(an integer){' and id (a text)' if file_order else ''}. "
        f"Received: {', '.join(sorted(keys)) or features}"
    )


def _prepare(builder, name, manual_dir):
    """Downloads and prepares a data set, unless that was done before."""
    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    manual = builder.MANUAL_DOWNLOAD_INSTRUCTIONS is not None
    try:
        builder.download_and_prepare(download_config=config)
    except FileExistsError:
        raise
    except Exception as error:  # TFDS and its many libraries raise many kinds
        files = {info.filename for info in (builder.url_infos or {}).values()}
        if manual and isinstance(error, AssertionError):  # nothing is there
            raise FileNotFoundError(
                f"`source` tfds:{name} needs files in `manual_dir`. "
                f"Received: {error}"
            ) from error
        if manual or not files:
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        module = getattr(error.__cause__ or error, "name", None)
        if isinstance(error, ImportError) and module:
            package = _PACKAGES.get(module, module)
            reason = f"no module {module}; pip install {package}"
        raise FileNotFoundError(
            f"`source` tfds:{name} must be prepared already, or TFDS must be "
            "able to download and read its files, or find them in "
            f"`manual_dir`: {', '.join(sorted(filter(None, files)))}. "
            f"Received: {textwrap.shorten(reason, _REASON_LENGTH)}"
        ) from error


def _choose_splits(builder, name, splits):
    """Returns the names of the training and the test split."""
    known = builder.info.splits
    wanted = "a split train, and test or validation"
    if splits is None:
        splits = "train", "test" if "test" in known else "validation"
    else:
        wanted = f"the splits {' and '.join(splits)}"
    if not set(splits) <= set(known):
        raise ValueError(
            f"`source` tfds:{name} must have {wanted}. "
            f"Received: {', '.join(known)}"
        )
    return splits


def _read_split(builder, split, image_size, file_order=False):
    """Returns uint8 images `(n, size, size, 3)` and int64 labels `(n,)`."""
    features = ("image", "label", "id") if file_order else ("image", "label")
    decoding = tfds.decode.PartialDecoding(dict.fromkeys(features, True))
    dataset = builder.as_dataset(
        split=split,
        shuffle_files=False,
        decoders=decoding,
        # Read once: TFDS would keep all decoded images of a small set.
        read_config=tfds.ReadConfig(try_autocache=False),
    )

    def resize_batch(example):
        images = image_resizing.to_three_channels(example["image"])
        images = image_resizing.resize(images, image_size)
        labels = tf.cast(example["label"], tf.int64)
        return images, labels, example.get("id", tf.zeros_like(labels))

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
    ids = []
    start = 0
    dataset = untuned_datasets.untuned(dataset)
    for some_images, some_labels, some_ids in dataset.as_numpy_iterator():
        stop = start + len(some_labels)
        images[start:stop], labels[start:stop] = some_images, some_labels
        ids.extend(some_ids)
        start = stop
    if file_order:
        order = np.argsort(np.array(ids), kind="stable")
        images, labels = images[order], labels[order]
    return images, labels
