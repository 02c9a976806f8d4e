"""What a source takes in memory, said before it is read.

Shards alone are read from disk while a training runs; every other source is
held in memory whole, at one size and in colour.
"""

import os

from absl import logging

from pipeline.datasets import tfrecord_shards

_FOLLOWED = ("folder:", "tfds:")  # what tools.generate_examples reads


def check(source, image_size, memory_gib, examples):
    """Says that a source is large, or that it cannot be read.

    Args:
        source: Str, as `load_images` takes it.
        image_size: Int, height and width in pixels.
        memory_gib: Float, GiB that are held without a word; None for any.
        examples: Int, images of all parts.

    Raises: ValueError, if the images are larger than this machine's memory.
    """
    needed = gib(image_size, examples)
    held = memory_gib is None or needed <= memory_gib
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    if held and needed <= whole:
        return
    size = (
        f"{examples} images at image_size={image_size} take {needed:.3g} GiB "
        f"of memory"
    )
    way = "shards, which are read from disk: " + _command(source, image_size)
    if needed > whole:
        raise ValueError(
            f"`source` {source} must fit into memory, or be written as {way}. "
            f"Received: {size}, of {whole:.3g} GiB"
        )
    logging.warning(
        "%s: %s, more than memory_gib=%g. Better write %s",
        source,
        size,
        memory_gib,
        way,
    )


def gib(image_size, examples):
    """Returns the GiB of images, as they are held and as shards hold them."""
    return tfrecord_shards.image_bytes(image_size) * examples / 2**30


def _command(source, image_size):
    """Returns how to write the shards and to name them."""
    if not source.startswith(_FOLLOWED):
        source = "folder:PATH"  # of the same images, a folder per class
    return (
        f"python -m tools.generate_examples --source={source} "
        f"--image_size={image_size} --output=SHARDS, then source "
        "tfrecord:SHARDS"
    )
