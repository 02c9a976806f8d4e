"""Values of a target config that the data decide: those that are 0.

    batch_size   the largest power of two, at most 64, within a quarter of the
                 training images
    steps        300 epochs, at least 500 and at most 10,000 steps
    image_size   the largest of 32, 64 and 96 that the images fill, and with
                 which these steps take at most `minutes`

Where even 32 pixels take longer, the steps become fewer, down to 500. Seconds
per step are measured at the smallest size, and grow with the pixels. A network
that comes with weights needs fewer steps, of smaller batches, and larger images
(`PRETRAINED`); its steps count as if all layers were trained in each.
"""

import io
import typing

import numpy as np

from pipeline import datasets
from pipeline.datasets import class_choice
from pipeline.datasets import image_files
from pipeline.listing import cut_sizes
from pipeline.listing import layouts
from pipeline.listing import source_names
from pipeline.storage import artifact_store
from pipeline.trainings import config_names
from pipeline.trainings import target_data

KEYS = ("batch_size", "steps", "image_size")
_ROUND = 50  # steps
_LOOKED_AT = 100  # image files
_SHARE = 0.8  # of the time; the rest is for the form without noise and tests


class Rule(typing.NamedTuple):
    """Limits of what is chosen.

    Attributes:
        largest_batch: Int.
        epochs, least_steps, most_steps: Ints.
        sizes: Rising tuple of ints, pixels.
    """

    largest_batch: int
    epochs: int
    least_steps: int
    most_steps: int
    sizes: tuple


FROM_SCRATCH = Rule(64, 300, 500, 10_000, (32, 64, 96))
PRETRAINED = Rule(32, 40, 100, 5000, (96, 128, 160, 224))


def choose(config, data_dir, source, seconds_per_step):
    """Returns what the data decide, {key: value}; {} if nothing is 0.

    Args:
        config: Config of `configs/target/`.
        data_dir, source: As `target_data.load_data` takes them.
        seconds_per_step: Function from a config without zeros and the number
            of classes to seconds.

    Raises: As `datasets.load_images`.
    """
    asked = [key for key in KEYS if not config[key]]
    if not asked:
        return {}
    is_pretrained = config_names.is_pretrained(config)
    rule = PRETRAINED if is_pretrained else FROM_SCRATCH
    examples, classes, original = _facts(config, data_dir, source, rule)
    batch_size = config.batch_size or batch_size_for(examples, rule)
    steps = config.steps or steps_for(examples, batch_size, rule)
    sizes = [config.image_size]
    if not config.image_size:
        sizes = sizes_for(original, rule)
    size = sizes[0]
    if len(sizes) > 1 or not config.steps:
        tried = config.copy_and_resolve_references()
        values = {"batch_size": batch_size, "steps": steps, "image_size": size}
        tried.update(values)
        step = seconds_per_step(tried, classes)
        size, fitting = within(60 * config.minutes, step, steps, sizes, rule)
        steps = config.steps or fitting
    chosen = {"batch_size": batch_size, "steps": steps, "image_size": size}
    return {key: chosen[key] for key in asked}


def batch_size_for(examples, rule=FROM_SCRATCH):
    """Returns the batch size for so many training images."""
    batch_size = rule.largest_batch
    while batch_size > max(1, examples // 4):
        batch_size //= 2
    return batch_size


def steps_for(examples, batch_size, rule=FROM_SCRATCH):
    """Returns the steps for so many training images."""
    steps = rule.epochs * examples / batch_size
    steps = _ROUND * round(steps / _ROUND)
    return min(max(steps, rule.least_steps), rule.most_steps)


def sizes_for(original, rule=FROM_SCRATCH):
    """Returns the sizes that come into question, a rising list.

    Args:
        original: Height and width of the images in pixels, or None.
        rule: `Rule`.
    """
    if original is None:
        return [rule.sizes[0]]
    filled = [size for size in rule.sizes if size <= min(original)]
    return filled or [rule.sizes[0]]


def within(seconds, step, steps, sizes, rule=FROM_SCRATCH):
    """Returns the largest size within the time, and the steps it leaves.

    Args:
        seconds: Float, the time for all.
        step: Float, seconds of a step at the first size.
        steps: Int.
        sizes: Rising list of ints.
        rule: `Rule`.
    """
    seconds *= _SHARE
    for size in reversed(sizes):
        if steps * step * (size / sizes[0]) ** 2 <= seconds:
            return size, steps
    fitting = _ROUND * int(seconds / step / _ROUND)
    return sizes[0], min(steps, max(fitting, rule.least_steps))


def _facts(config, data_dir, source, rule):
    """Returns training images, classes, and the images' height and width."""
    source = source or config.data.source
    kind, place = source_names.parse(source)
    is_stored = artifact_store.is_uri(place)
    some = config.data.classes
    if kind in source_names.LISTED and not is_stored and not some:
        listing = layouts.check_source(source)
        most = cut_sizes.training_count(
            listing,
            config.data.test_fraction,
            config.data.validation_fraction,
        )
        classes, original = len(listing.names), _size_of(listing)
    else:
        options = target_data.reading(config, data_dir)
        options["image_size"] = config.image_size or rule.sizes[0]
        data = datasets.load_images(source, **options)
        data = class_choice.of_classes(data, some)
        classes, original = len(data.class_names), data.original_size
        kept = 1 - config.data.validation_fraction * (data.validation is None)
        most = int(kept * len(data.train_labels))
    if config.data.examples_per_class:
        most = min(most, classes * config.data.examples_per_class)
    return most, classes, original


def _size_of(listing):
    """Returns the median height and width of some of the files, or None.

    What cannot be opened is not counted: the training names it.
    """
    files = [file for part, _ in listing.parts.values() for file in part]
    sizes = []
    for file in files[:: max(1, len(files) // _LOOKED_AT)]:
        try:
            content = image_files.read(file)
            with image_files.open_image(io.BytesIO(content)) as image:
                sizes.append(image.size[::-1])
        # A damaged file raises nearly anything.
        except Exception:
            continue
    return tuple(np.median(sizes, axis=0).astype(int)) if sizes else None
