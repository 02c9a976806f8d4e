"""Loads few-shot data from wherever they lie.

Meta Dropout (ICLR 2020) uses Omniglot and miniImageNet; besides, a folder of
image files or any source of `load_images` will do, cut by classes.
"""

import tempfile

import numpy as np

from pipeline.datasets import argument_checks
from pipeline.datasets import image_resizing
from pipeline.datasets.few_shot import class_cuts
from pipeline.datasets.few_shot import class_folders
from pipeline.datasets.few_shot import class_images
from pipeline.datasets.few_shot import few_shot_data
from pipeline.datasets.few_shot import mini_imagenet
from pipeline.datasets.few_shot import omniglot
from pipeline.datasets.sources import loading
from pipeline.listing import source_names


def load_class_images(
    source,
    *,
    image_size,
    channels,
    data_dir=None,
    manual_dir=None,
    seed=0,
):
    """Loads few-shot data into memory, at one size.

    Args:
        source: Str. `few_shot:omniglot`, `few_shot:omniglot_small` (both from
            upstream's archives in `manual_dir`, or through TFDS without it),
            `few_shot:mini_imagenet` (from `manual_dir`); `folder:PATH`, a
            folder per class, in `train`, `val` and `test` or not, `zip:FILE`,
            a zip file of one; or a source of `load_images` such as
            `tfds:glyphs`, `csv:FILE` or `npz:PATH`, all of whose
            images are cut by classes, 60 : 20 : 20. PATH may be a URI.
        image_size: Int, height and width of the result in pixels; the paper
            has 28 for Omniglot and 84 for miniImageNet.
        channels: 1 or 3; colour becomes gray (luma), or gray three equal
            channels. The paper has 1 for Omniglot and 3 for miniImageNet.
        data_dir: Where TFDS keeps prepared data; None for its own place.
        manual_dir: Where data lie that cannot be downloaded; a path or URI.
        seed: Int of at least 0 that decides which class is for what, wherever
            the source does not say. Runs to be compared need the same one.

    Returns:
        `FewShotData`: parts `train`, `validation` and `test` with classes of
        their own.

    Raises:
        FileNotFoundError: If data are not there or a download failed; the
            message says what to put where.
        ConnectionError: If the store of a URI cannot be reached.
        ValueError: If an argument is wrong or the data cannot be used; the
            message names the file and what was expected.
    """
    image_size = argument_checks.check_int("image_size", image_size, 1)
    seed = argument_checks.check_int("seed", seed, 0)
    if channels not in (1, 3):
        raise ValueError(
            f"`channels` must be 1 or 3. Received: channels={channels!r}"
        )
    source_kind, place = source_names.parse(source, few_shot=True)
    with tempfile.TemporaryDirectory() as copies:
        if source_kind == "few_shot":
            manual_dir = loading.fetched(manual_dir, copies)
            data = _load_benchmark(
                place, image_size, channels, data_dir, manual_dir, seed
            )
        elif source_kind in ("folder", "zip"):
            place = loading.fetched(place, copies)
            data = class_folders.load_class_folders(
                source_kind, place, image_size, channels, seed
            )
        else:
            data = _load_any(
                source, image_size, channels, data_dir, manual_dir, seed
            )
    few_shot_data.check_few_shot_data(data, source)
    return data


def _load_benchmark(name, image_size, channels, data_dir, manual_dir, seed):
    if name == "mini_imagenet":
        return mini_imagenet.load_mini_imagenet(
            image_size, channels, manual_dir
        )
    load = omniglot.load_omniglot_small
    if name == "omniglot":
        load = omniglot.load_omniglot
    return load(image_size, channels, data_dir, manual_dir, seed)


def _load_any(source, image_size, channels, data_dir, manual_dir, seed):
    """Reads training and test images of a source and cuts them by classes."""
    data = loading.load_images(
        source,
        image_size=image_size,
        data_dir=data_dir,
        manual_dir=manual_dir,
    )
    images, labels = (
        np.concatenate(arrays)
        for arrays in zip(
            (data.train_images, data.train_labels),
            (data.test_images, data.test_labels),
            *([data.validation] if data.validation else ()),
        )
    )
    whole = class_images.ClassImages(
        image_resizing.resize_array(images, image_size, channels),
        labels,
        data.class_names,
    )
    present = np.unique(labels)  # a source may name classes that it lacks
    return class_cuts.cut_classes(whole.select(present), seed)
