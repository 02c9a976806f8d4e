"""The data of a target training: training, validation and test part."""

import contextlib
import dataclasses

from pipeline import datasets

_kept = None  # (arguments, ImageData) inside `kept_in_memory`, else None


@contextlib.contextmanager
def kept_in_memory():
    """Keeps the data set that was read last, for many runs on one data set.

    Within the block its files must not change.
    """
    global _kept
    _kept = ((), None)
    try:
        yield
    finally:
        _kept = None


def load_data(config, data_dir=None):
    """Returns `ImageData` and the validation part of a target config.

    The validation part (images, labels) is cut off the training part alone,
    before `examples_per_class` thins that out; without a
    `validation_fraction` it is None.
    """
    data = _load(
        config.data.source,
        image_size=config.image_size,
        data_dir=data_dir,
        manual_dir=config.data.manual_dir or None,
        test_fraction=config.data.test_fraction,
        seed=config.data.seed,
    )
    images, labels = data.train_images, data.train_labels
    validation = None
    if config.data.validation_fraction:
        images, labels, *validation = datasets.hold_out(
            images, labels, config.data.validation_fraction, config.data.seed
        )
    if config.data.examples_per_class:
        kept = datasets.balanced_subset(
            labels, config.data.examples_per_class, config.data.seed
        )
        images, labels = images[kept], labels[kept]
    if len(labels) < config.batch_size:
        raise ValueError(
            f"Config key `batch_size` must be at most {len(labels)}, the "
            f"training images of {config.data.source}. "
            f"Received: batch_size={config.batch_size}"
        )
    data = dataclasses.replace(data, train_images=images, train_labels=labels)
    return data, validation


def _load(*place, **options):
    global _kept
    arguments = (*place, *sorted(options.items()))
    if _kept and _kept[0] == arguments:
        return _kept[1]
    data = datasets.load_images(*place, **options)
    if _kept:
        _kept = arguments, data
    return data
