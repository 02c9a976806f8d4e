"""Decodes image files: local ones, those of a store by URI, and bytes."""

import io

import numpy as np
from PIL import Image
from PIL import ImageOps

from mp_keras import error_texts
from mp_keras import preprocessing
from pipeline import artifact_store

SUFFIXES = (
    ".bmp",
    ".gif",
    ".jpeg",
    ".jpg",
    ".png",
    ".tif",
    ".tiff",
    ".webp",
)
# The only decoders that are asked: Pillow has some that start programs.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")


def decode(file):
    """Returns `(height, width, 3)` uint8, upright as a camera meant it.

    Args:
        file: Path-like or URI.

    Raises:
        ConnectionError: If the store of a URI cannot be reached.
        ValueError: If the file is no whole image, or one of over 67 million
            pixels; it is named.
    """
    if artifact_store.is_uri(file):
        return decode_bytes(artifact_store.read_bytes(file), file)
    return _decode(file, file)


def decode_bytes(content, name):
    """Returns `(height, width, 3)` uint8 of the bytes of an image file.

    Args:
        content: Bytes.
        name: What to call the image in messages.

    Raises: ValueError, as `decode`.
    """
    return _decode(io.BytesIO(content), name)


def open_image(file):
    """Returns a `PIL.Image.Image` to close, opened and not decoded yet.

    Args:
        file: Path-like or binary stream.

    Raises: ValueError, if its header announces over 67 million pixels; nearly
        anything, if it is no image.
    """
    image = Image.open(file, formats=_FORMATS)
    width, height = image.size
    if not 0 < width * height <= preprocessing.MOST_PIXELS:
        image.close()
        raise ValueError(
            f"{width} x {height} pixels, where {preprocessing.MOST_PIXELS} "
            "are the most"
        )
    return image


def _decode(content, name):
    try:
        with open_image(content) as image:
            return _to_pixels(ImageOps.exif_transpose(image))
    # A damaged file raises nearly anything.
    except Exception as error:
        raise ValueError(
            f"{name} must be a complete image of a sensible size. "
            f"Received: {error_texts.brief(error)}"
        ) from error


def _to_pixels(image):
    if image.mode.startswith("I;16"):  # 16 bits: keep the upper 8
        upper = (np.asarray(image) // 256).astype(np.uint8)
        return np.repeat(upper[..., None], 3, axis=2)
    return np.asarray(image.convert("RGB"))
