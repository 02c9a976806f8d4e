"""Brings decoded images to three channels and one size.

MetaPerturb resizes its source and target sets to 32 or 84 pixels with
antialiased bilinear filtering. All sources of `load_images` resize here, so
that the same image gives the same pixels whichever way it came.
"""

import numpy as np
import tensorflow as tf

_CHUNK_PIXELS = 2**24


def to_three_channels(images):
    """Repeats a gray channel three times; drops a fourth, alpha.

    Args:
        images: Tensor `(..., height, width, channels)`, 1, 3 or 4 channels,
            known statically.

    Returns:
        Tensor `(..., height, width, 3)`.

    Raises:
        ValueError: If there is another number of channels.
    """
    channels = images.shape[-1]
    if channels not in (1, 3, 4):
        raise ValueError(
            f"Images must have 1, 3 or 4 channels. Received: {channels}"
        )
    if channels == 1:
        return tf.repeat(images, 3, axis=-1)
    return images[..., :3]


def resize(images, image_size):
    """Resizes uint8 images; a no-op at the right size.

    Args:
        images: uint8 tensor `(batch, height, width, channels)`.
        image_size: Int, height and width of the result in pixels.

    Returns:
        uint8 tensor `(batch, image_size, image_size, channels)`, rounded.
    """
    if images.shape[1:3] == (image_size, image_size):
        return images
    resized = tf.image.resize(
        images, (image_size, image_size), method="bilinear", antialias=True
    )
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)


def resize_array(images, image_size):
    """Brings an array to three channels and one size, a chunk at a time.

    Args:
        images: uint8 array `(n, height, width)` or `(n, height, width, 1 or 3
            or 4)`.
        image_size: Int, height and width of the result in pixels.

    Returns:
        uint8 array `(n, image_size, image_size, 3)`.
    """
    if images.ndim == 3:
        images = images[..., None]  # (n, height, width, 1)
    result = np.empty((len(images), image_size, image_size, 3), np.uint8)
    chunk = max(1, _CHUNK_PIXELS // max(1, images[0, ..., 0].size))
    for start in range(0, len(images), chunk):
        part = slice(start, start + chunk)
        colored = to_three_channels(tf.constant(images[part]))
        result[part] = resize(colored, image_size).numpy()
    return result
