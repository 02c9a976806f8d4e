"""Decodes image files: local ones, those of a store by URI, and bytes."""

import io
import struct
import zlib

import numpy as np
from PIL import Image
from PIL import ImageOps

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


def decode(file):
    """Returns `(height, width, 3)` uint8, upright as a camera meant it.

    Args:
        file: Path-like or URI.

    Raises:
        ConnectionError: If the store of a URI cannot be reached.
        ValueError: If the file is no whole image; it is named.
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


def _decode(content, name):
    try:
        with Image.open(content) as image:
            image = ImageOps.exif_transpose(image)
            if image.mode.startswith("I;16"):  # 16 bits: keep the upper 8
                return np.repeat(
                    (np.asarray(image) // 256).astype(np.uint8)[..., None],
                    3,
                    axis=2,
                )
            return np.asarray(image.convert("RGB"))
    except (
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        struct.error,
        zlib.error,
    ) as error:
        raise ValueError(
            f"{name} must be a complete image of a sensible size. "
            f"Received: {error}"
        ) from error
