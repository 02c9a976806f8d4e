"""Brings decoded images to one number of channels and one size.

MetaPerturb resizes its source and target sets to 32 or 84 pixels with
antialiased bilinear filtering. All sources of `load_images` and of
`load_class_images` resize here, so that the same image gives the same pixels
whichever way it came.
"""

import numpy as np
import tensorflow as tf

from mp_keras import preprocessing

_CHUNK_PIXELS = 2**24


def to_three_channels(images):
    """Repeats a gray channel three times; puts what is transparent on white.

    Args:
        images: uint8 tensor `(..., height, width, channels)`, 1, 3 or 4
            channels, known statically.

    Returns:
        uint8 tensor `(..., height, width, 3)`.

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
    if channels == 4:
        images = preprocessing.on_white(tf.cast(images, tf.int32))
    return tf.cast(images, tf.uint8)


def to_one_channel(images):
    """Returns the luma of colour images; keeps a gray channel as it is.

    Args:
        images: uint8 tensor `(..., height, width, channels)`, 1, 3 or 4
            channels, known statically.

    Returns:
        uint8 tensor `(..., height, width, 1)`, rounded: three equal channels
        give their value.

    Raises:
        ValueError: If there is another number of channels.
    """
    if images.shape[-1] == 1:
        return images
    luma = preprocessing.luma(to_three_channels(images))
    return tf.cast(tf.round(luma), tf.uint8)


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


def resize_array(images, image_size, channels=3):
    """Brings an array to 1 or 3 channels and one size, a chunk at a time.

    Args:
        images: uint8 array `(n, height, width)` or `(n, height, width, 1 or 3
            or 4)`.
        image_size: Int, height and width of the result in pixels.
        channels: 3 (default), or 1 for gray images.

    Returns:
        uint8 array `(n, image_size, image_size, channels)`.
    """
    if images.ndim == 3:
        images = images[..., None]  # (n, height, width, 1)
    convert = to_one_channel if channels == 1 else to_three_channels
    result = np.empty((len(images), image_size, image_size, channels), np.uint8)
    chunk = max(1, _CHUNK_PIXELS // max(1, images[0, ..., 0].size))
    for start in range(0, len(images), chunk):
        part = slice(start, start + chunk)
        converted = convert(tf.constant(images[part]))
        result[part] = resize(converted, image_size).numpy()
    return result
