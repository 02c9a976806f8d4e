"""Random crop, flip and pixel scaling of a batch of images.

MetaPerturb (NeurIPS 2020), section 4: "random resizing and cropping, flip".
# Differs from the paper: zero-padded random crops without resizing, because
# the authors' code does so (4 pixels at 32, else 8).

Every example is decided by its own seed alone: the same seed gives the same
crop whatever the rest of the batch is, eagerly and inside `tf.data`.

    bits      = hash(seed)
    y, x      = two integers in [0, 2 * padding] from the bits
    flip      = one bit
    image     = zero_pad(image, padding)[y : y + height, x : x + width]
    image     = image mirrored left to right, if flip
"""

import tensorflow as tf

from pipeline.datasets import argument_checks
from pipeline.datasets import random_bits


def default_padding(height):
    """Returns the padding in pixels for images of that height.

    The authors' code has 4 at 32 pixels and 8 above; smaller images get an
    eighth of their height, at least one pixel.
    """
    return min(8, max(1, height // 8))


def crop_and_flip(images, seeds, padding=None, flip=True):
    """Crops zero-padded images at random and mirrors half of them.

    Args:
        images: `(batch, height, width, channels)`, of any real type.
        seeds: `(batch, 2)` integers, one row per example.
        padding: Int, pixels of zeros on each side; default None stands for
            `default_padding(height)`.
        flip: Bool, default True. False only crops: for letters and digits,
            whose mirror images mean something else.

    Returns:
        A tensor of the shape and type of `images`.

    Raises:
        ValueError: If a shape or type is wrong or `padding` is negative.
    """
    images = tf.convert_to_tensor(images)
    seeds = tf.convert_to_tensor(seeds)
    if images.shape.rank != 4 or images.shape[1] is None:
        raise ValueError(
            "`images` must be (batch, height, width, channels) with a known "
            f"height. Received: images of shape {images.shape}"
        )
    if not seeds.dtype.is_integer or seeds.shape[1:] != (2,):
        raise ValueError(
            "`seeds` must be integers of shape (batch, 2). "
            f"Received: {seeds.dtype.name} of shape {seeds.shape}"
        )
    if padding is None:
        padding = default_padding(images.shape[1])
    padding = argument_checks.check_int("padding", padding, 0)
    return _crop_and_flip(images, seeds, padding, flip)


def _crop_and_flip(images, seeds, padding, flip):
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    bits = random_bits.hash_words(seeds[:, 0], seeds[:, 1])  # (batch,)
    top = random_bits.uniform_integers(bits, 2 * padding + 1, 0)
    left = random_bits.uniform_integers(bits, 2 * padding + 1, 20)
    columns = tf.range(width)[None]  # (1, width)
    if flip:
        flipped = random_bits.uniform_integers(bits, 2, 40)[:, None]
        columns = flipped * (width - 1 - columns) + (1 - flipped) * columns
    columns = columns + left[:, None]  # (batch, width)
    rows = tf.range(height)[None] + top[:, None]  # (batch, height)
    sides = [padding, padding]
    padded = tf.pad(images, [[0, 0], sides, sides, [0, 0]])
    cropped = tf.gather(padded, rows, axis=1, batch_dims=1)
    cropped = tf.gather(cropped, columns, axis=2, batch_dims=1)
    return tf.ensure_shape(cropped, images.shape)
