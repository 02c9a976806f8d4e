"""Batches that are a pure function of the seed and the step number.

So a run that resumes at step N needs no iterator state: it asks for the
batches from N on and gets, bit for bit, those of an unbroken run.

    position = step * batch_size + place in the batch
    epoch    = position // examples
    example  = shuffle of that epoch at (position % examples)
    image    = crop_and_flip(images[example], seed made from position)

Every epoch visits every example exactly once, or, balanced, every class as
often as the largest; a batch may straddle epochs.
"""

import tensorflow as tf

from mp_keras import preprocessing
from mp_keras import untuned_datasets
from pipeline.datasets import argument_checks
from pipeline.datasets import augmentation
from pipeline.datasets import mapped_images
from pipeline.datasets import random_bits
from pipeline.datasets import stratified

_ORDER_STREAM = 0
_AUGMENTATION_STREAM = 1


def check_steps(start_step, steps):
    """Returns both as ints.

    Raises:
        ValueError: If not 0 <= `start_step` <= `steps`.
    """
    start_step = argument_checks.check_int("start_step", start_step, 0)
    steps = argument_checks.check_int("steps", steps, 0)
    if start_step > steps:
        raise ValueError(
            "`start_step` must not exceed `steps`. Received: "
            f"start_step={start_step}, steps={steps}"
        )
    return start_step, steps


def in_order(dataset, function):
    """Maps `function` over `dataset` in parallel, keeping the order."""
    return dataset.map(
        function, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


def ahead(dataset, batches=2):
    """Returns the finished data set, which is so many batches ahead."""
    return untuned_datasets.untuned(dataset.prefetch(batches))


def training_batches(
    images,
    labels,
    *,
    batch_size,
    seed,
    start_step,
    steps,
    augment=True,
    padding=None,
    flip=True,
    normalize=True,
    balanced=False,
):
    """Makes the shuffled, augmented batches of steps `start_step` to `steps`.

    Args:
        images: `(examples, height, width, channels)`, uint8 or float32 in
            [0, 255]; kept in memory in that type; or `MappedImages`.
        labels: `(examples,)` integers of at least 0.
        batch_size: Int of at least 1; may exceed the number of examples.
        seed: Int of at least 0.
        start_step: Int, the first step to yield; the batch of a step does not
            depend on it.
        steps: Int, the step to stop before.
        augment: Bool, whether to crop and flip.
        padding: Int, pixels of zeros on each side for the crop; default None
            stands for `default_padding(height)`.
        flip: Bool, default True, whether augmentation mirrors images.
        normalize: Bool, whether to scale pixels to float32 in [-1, 1]; if not,
            they keep range and type.
        balanced: Bool, default False: whether each class is seen as often as
            the largest, its images again and again.

    Returns:
        `tf.data.Dataset` of `steps - start_step` pairs (images `(batch,
        height, width, channels)`, labels `(batch,)` int64).

    Raises:
        ValueError: If an argument is wrong.
    """
    images, labels = argument_checks.check_images(images, labels)
    batch_size = argument_checks.check_int("batch_size", batch_size, 1)
    seed = argument_checks.check_int("seed", seed, 0)
    start_step, steps = check_steps(start_step, steps)
    if padding is not None:
        padding = argument_checks.check_int("padding", padding, 0)
    order = random_bits.stream_number(seed, _ORDER_STREAM)
    crops = random_bits.stream_number(seed, _AUGMENTATION_STREAM)
    size = len(images)
    members = None
    if balanced:
        members = stratified.balanced_members(labels, seed)
        size = len(members)
    read = mapped_images.reader(images)
    with tf.device("CPU:0"):
        labels = tf.constant(labels)

    def make_batch(step):
        positions = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        indices = random_bits.shuffled_indices(positions, size, order)
        if members is not None:
            indices = tf.gather(members, indices)
        batch = read(indices)
        if augment:
            seeds = tf.stack([tf.fill([batch_size], crops), positions], 1)
            batch = augmentation.crop_and_flip(batch, seeds, padding, flip)
        if normalize:
            batch = preprocessing.normalize(batch)
        return batch, tf.gather(labels, indices)

    dataset = tf.data.Dataset.range(start_step, steps)
    return ahead(in_order(dataset, make_batch))


def evaluation_batches(images, labels, batch_size):
    """Makes normalized batches of all examples, in their order.

    Args:
        images: `(examples, height, width, channels)`, uint8 or float32 in
            [0, 255].
        labels: `(examples,)` integers of at least 0.
        batch_size: Int of at least 1. The last batch holds what is left.

    Returns:
        `tf.data.Dataset` of pairs (images float32 `(batch, height, width,
        channels)`, labels `(batch,)` int64).

    Raises:
        ValueError: If an argument is wrong.
    """
    images, labels = argument_checks.check_images(images, labels)
    batch_size = argument_checks.check_int("batch_size", batch_size, 1)
    batches = -(-len(images) // batch_size)
    read = mapped_images.reader(images)
    with tf.device("CPU:0"):
        labels = tf.constant(labels)

    def take_batch(number):
        start = number * batch_size
        end = tf.minimum(start + batch_size, len(images))
        batch = read(tf.range(start, end))
        return preprocessing.normalize(batch), labels[start:end]

    dataset = tf.data.Dataset.range(batches)
    return ahead(in_order(dataset, take_batch))
