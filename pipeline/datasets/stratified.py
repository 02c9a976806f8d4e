"""Cuts of a labelled data set that treat every class alike.

Every class is shuffled by a generator of its own, made from the seed and the
label, so a class is cut in the same way whatever the other classes are.
"""

import numpy as np
from absl import logging

from pipeline.datasets import argument_checks
from pipeline.datasets import mapped_images
from pipeline.listing import cut_sizes


def shuffled_class_indices(labels, seed):
    """Returns `{label: (n,) int64 shuffled positions of its examples}`."""
    labels = np.asarray(labels)
    return {
        int(label): np.random.default_rng([seed, int(label)]).permutation(
            np.flatnonzero(labels == label)
        )
        for label in np.unique(labels)
    }


def stratified_split(labels, fraction, seed):
    """Cuts the examples of every class into a kept and a held part.

    Args:
        labels: `(examples,)` integers.
        fraction: Float in (0, 1), the held share of each class; it is rounded
            to whole examples, at least one held and one kept.
        seed: Int of at least 0.

    Returns:
        `(kept, held)`: two sorted int64 arrays of positions.

    Raises:
        ValueError: If a class has fewer than 2 examples.
    """
    kept, held = [], []
    for label, indices in shuffled_class_indices(labels, seed).items():
        if len(indices) < 2:
            raise ValueError(
                "Each class needs at least 2 examples to be split. "
                f"Received: {len(indices)} example of class {label}"
            )
        count = cut_sizes.held_count(len(indices), fraction)
        held.append(indices[:count])
        kept.append(indices[count:])
    return np.sort(np.concatenate(kept)), np.sort(np.concatenate(held))


def balanced_subset(labels, examples_per_class, seed):
    """Returns the sorted positions of a random, class-balanced subset.

    Args:
        labels: `(examples,)` integers.
        examples_per_class: Int of at least 1.
        seed: Int of at least 0.

    Raises:
        ValueError: If an argument is wrong or a class has fewer examples than
            asked for.
    """
    argument_checks.check_int("examples_per_class", examples_per_class, 1)
    argument_checks.check_int("seed", seed, 0)
    chosen = []
    for label, indices in shuffled_class_indices(labels, seed).items():
        if len(indices) < examples_per_class:
            raise ValueError(
                "`examples_per_class` must not exceed the training examples "
                f"of any class, and class {label} has {len(indices)}. "
                f"Received: examples_per_class={examples_per_class}"
            )
        chosen.append(indices[:examples_per_class])
    return np.sort(np.concatenate(chosen))


def balanced_members(labels, seed):
    """Returns positions in which every class is as often as the largest.

    Args:
        labels: `(examples,)` integers.
        seed: Int of at least 0: which images of a class are once more there,
            where its number does not divide that of the largest.

    Returns: int64 array, `classes` times the size of the largest.
    """
    shuffled = shuffled_class_indices(labels, seed)
    most = max(map(len, shuffled.values()))
    return np.concatenate(
        [np.resize(indices, most) for indices in shuffled.values()]
    )


def first_per_class(labels, count):
    """Returns the sorted positions of the first examples of every class.

    Args:
        labels: `(examples,)` integers.
        count: Int of at least 1, how many of each class.

    Raises:
        ValueError: If `count` is wrong or a class has fewer examples.
    """
    labels = np.asarray(labels)
    argument_checks.check_int("count", count, 1)
    chosen = []
    for label in np.unique(labels):
        indices = np.flatnonzero(labels == label)
        if len(indices) < count:
            raise ValueError(
                "`count` must not exceed the examples of any class, and class "
                f"{label} has {len(indices)}. Received: count={count}"
            )
        chosen.append(indices[:count])
    return np.sort(np.concatenate(chosen))


def hold_out(images, labels, fraction, seed, digests=()):
    """Cuts a data set in two parts with the same share of every class.

    Args:
        images: `(examples, height, width, channels)`, uint8 or float32.
        labels: `(examples,)` integers of at least 0.
        fraction: Float in (0, 1), the share to hold out; at least one example
            of each class is held out and one is kept.
        seed: Int of at least 0.
        digests: Sequence of str, one per example, or () (default): of the
            examples held out those are dropped that one kept equals; the log
            counts them.

    Returns:
        `(kept_images, kept_labels, held_images, held_labels)`, each part in
        the order of `images`; labels are int64.

    Raises:
        ValueError: If an argument is wrong, a class has a single example, or
            all examples held out are dropped.
    """
    images, labels = argument_checks.check_images(images, labels)
    fraction = argument_checks.check_fraction("fraction", fraction)
    seed = argument_checks.check_int("seed", seed, 0)
    kept, held = stratified_split(labels, fraction, seed)
    if len(digests):
        digests = np.asarray(digests)
        repeated = np.isin(digests[held], digests[kept])
        if repeated.any():
            logging.warning(
                "%d of %d images for validation are left out, for they are "
                "training images too",
                repeated.sum(),
                len(held),
            )
        held = held[~repeated]
        if not len(held):
            raise ValueError(
                "There must be images to hold out that are not among the "
                "others. Received: the same images, to the byte, in both"
            )
    parts = [mapped_images.take(images, part) for part in (kept, held)]
    return parts[0], labels[kept], parts[1], labels[held]
