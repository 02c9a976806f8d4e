"""What a training says first: what was read, and what is to be done with it."""

import numpy as np
from absl import logging

from pipeline.trainings import config_names
from pipeline.trainings import training_phases

_LEAST_KEPT = 0.1  # of the pixels
_IMBALANCE = 5


def print_target(config, data, validation, choices=()):
    """Says what a target training has read; warns where it looks unwise.

    Args:
        config: Config of `configs/target/`.
        data: `ImageData`, without its validation part.
        validation: Pair of images and labels, or None.
        choices: Keys of the config whose values the data decided.
    """
    made = describe_training(config)
    print(f"{describe_data(config, data, validation)}; {made}", flush=True)
    if choices:
        chosen = ", ".join(f"{key}={config[key]}" for key in choices)
        print(
            f"Chosen for the data and {config.minutes:g} minutes: {chosen}; "
            "--config.KEY=VALUE sets another, --config.minutes= the time",
            flush=True,
        )
    _warn_of_lost_detail(data.original_size, config.image_size)
    counts = np.bincount(data.train_labels, minlength=len(data.class_names))
    _warn_of_imbalance(counts, data.class_names)


def describe_data(config, data, validation):
    """Returns what a target training has read, in words.

    Args:
        config, data, validation: As for `print_target`.
    """
    counts = np.bincount(data.train_labels, minlength=len(data.class_names))
    parts = [f"{len(data.train_labels):,} training"]
    if validation:
        parts.append(f"{len(validation[1]):,} validation")
    return (
        f"{', '.join(parts)}, {len(data.test_labels):,} test images, "
        f"{_classes(counts)}, {_sizes(data.original_size, config.image_size)}"
    )


def describe_training(config):
    """Returns how a target is trained, in words.

    Args:
        config: Config of `configs/target/`.
    """
    method = config.method
    if "meta_perturb" in method:
        method = method.replace("meta_perturb", f"φ {config.phi}")
    return (
        f"{method}, {config.network}{_start(config)}; {config.steps:,} steps "
        f"of {config.batch_size} images"
    )


def _start(config):
    """Returns what a pretrained network begins with, in words, or ""."""
    if not config_names.is_pretrained(config):
        return ""
    steps = training_phases.head_steps(config)
    return (
        f" from {config.pretrained.weights}, the last layer alone for "
        f"{steps:,} steps"
    )


def print_meta(config, data):
    """Says what a meta-training has read.

    Args:
        config: Config of `configs/meta_train/`.
        data: `ImageData`.
    """
    counts = np.bincount(data.train_labels, minlength=len(data.class_names))
    print(
        f"{len(data.train_labels):,} training images, {_classes(counts)}, "
        f"{_sizes(data.original_size, config.image_size)}; {config.tasks} "
        f"tasks, {config.network}; {config.steps:,} steps of "
        f"{config.batch_size} images",
        flush=True,
    )
    _warn_of_lost_detail(data.original_size, config.image_size)


def print_few_shot(config, data):
    """Says what a few-shot training has read.

    Args:
        config: Config of `configs/few_shot/`.
        data: `FewShotData`.
    """
    parts = (
        f"{len(part.labels):,} {name} images of {part.classes} classes"
        for name, part in (
            ("training", data.train),
            ("validation", data.validation),
            ("test", data.test),
        )
    )
    print(
        f"{', '.join(parts)}, {config.image_size}×{config.image_size} px; "
        f"{config.algorithm}, {config.inner_perturbation}; {config.steps:,} "
        f"steps of {config.tasks} tasks, {config.ways}-way {config.shots}-shot",
        flush=True,
    )


def _classes(counts):
    least, most = min(counts), max(counts)
    each = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return f"{len(counts)} classes ({each} each)"


def _sizes(original, size):
    if original is None:
        return f"{size}×{size} px"
    height, width = original
    return f"{width}×{height} → {size}×{size} px"


def _warn_of_lost_detail(original, size):
    if original and size**2 < _LEAST_KEPT * original[0] * original[1]:
        kept = 100 * size**2 / (original[0] * original[1])
        logging.warning(
            "Most detail is lost: of images of %d×%d px, %d×%d keep %.1f %% of "
            "the pixels. A larger --config.image_size keeps more of them and "
            "takes longer",
            original[1],
            original[0],
            size,
            size,
            kept,
        )


def _warn_of_imbalance(counts, names):
    least, most = np.argmin(counts), np.argmax(counts)
    if counts[most] >= _IMBALANCE * counts[least]:
        logging.warning(
            "The classes are of unlike size: %s has %d training images, %s has "
            "%d. --config.data.balanced=True shows each class as often",
            names[most],
            counts[most],
            names[least],
            counts[least],
        )
