"""The input of target training: shuffled, cropped, flipped, normalized."""

import time

import numpy as np

from pipeline.benchmarks import interleaving
from pipeline.datasets import batches

_CLASSES = 10
_PASSES = 5


def measure(image_sizes, batch_size, examples, steps):
    """Returns the time of one batch with all cores at it.

    Args:
        image_sizes: Sequence of ints, pixels.
        batch_size: Int, examples.
        examples: Int, images in memory.
        steps: Int, batches whose time is taken.

    Returns: dict from image size, as a str, to a dict: `batch`, as
        `interleaving.milliseconds`; `images_per_s`.
    """
    passes = {
        str(size): _one_pass(size, batch_size, examples, steps)
        for size in image_sizes
    }
    measured = {}
    for size, seconds in interleaving.measure(passes, _PASSES, 1).items():
        batch = interleaving.milliseconds(seconds)
        per_second = 1000 * batch_size / batch["median_ms"]
        measured[size] = {"batch": batch, "images_per_s": per_second}
    return measured


def _one_pass(image_size, batch_size, examples, steps):
    """Returns a function that returns the mean seconds of a batch."""
    generator = np.random.default_rng(0)
    shape = (examples, image_size, image_size, 3)
    dataset = batches.training_batches(
        generator.integers(256, size=shape, dtype="uint8"),
        generator.integers(_CLASSES, size=examples),
        batch_size=batch_size,
        seed=0,
        start_step=0,
        steps=steps,
    )

    def action():
        began = time.perf_counter()
        for _ in dataset:
            pass
        return (time.perf_counter() - began) / steps

    return action
