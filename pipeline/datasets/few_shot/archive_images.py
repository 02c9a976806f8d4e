"""Decodes the images of an archive."""

import numpy as np

from pipeline.datasets import image_files
from pipeline.datasets import image_resizing

_CHUNK = 256


def read_images(archive, names, image_size, channels):
    """Reads image files of an archive.

    Args:
        archive: `FileArchive`.
        names: List of str, files in it.
        image_size: Int, height and width of the result in pixels.
        channels: 3, or 1 for gray images.

    Returns:
        uint8 `(n, image_size, image_size, channels)`.

    Raises:
        ValueError: If the archive or an image is damaged; it is named.
    """
    images = np.empty((len(names), image_size, image_size, channels), np.uint8)
    for start in range(0, len(names), _CHUNK):
        some = names[start : start + _CHUNK]
        decoded = [_decode(archive, name) for name in some]
        if len({pixels.shape for pixels in decoded}) == 1:
            decoded = [np.stack(decoded)]  # one call for images of one size
        else:
            decoded = [pixels[None] for pixels in decoded]
        images[start : start + len(some)] = np.concatenate(
            [
                image_resizing.resize_array(pixels, image_size, channels)
                for pixels in decoded
            ]
        )
    return images


def _decode(archive, name):
    return image_files.decode_bytes(
        archive.read(name), f"{name} of {archive.path}"
    )
