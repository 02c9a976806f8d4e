"""Decodes image files: local ones and those of a store, by URI."""

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
    content = file
    if artifact_store.is_uri(file):
        content = io.BytesIO(artifact_store.read_bytes(file))
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
            f"{file} must be a complete image of a sensible size. "
            f"Received: {error}"
        ) from error
