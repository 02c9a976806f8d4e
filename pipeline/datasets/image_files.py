"""Decodes image files: local ones, those of a store by URI, and bytes."""

import functools
import io

import numpy as np
import tensorflow as tf
from PIL import Image
from PIL import UnidentifiedImageError

from mp_keras import error_texts
from mp_keras import given_files
from mp_keras import preprocessing
from mp_keras.export import image_file_reader
from pipeline.datasets import file_archive
from pipeline.datasets import orientation
from pipeline.listing import zipped_file
from pipeline.storage import artifact_store

# The only decoders that are asked: Pillow has some that start programs.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
# Modes whose values `convert` would cut off at 0 and 255.
_UNBOUNDED = {
    "F": "floating-point numbers",
    "I": "signed integers, or integers of 32 bits",
}
_PNG_BITS = 24  # place in the file of the bits of a channel
_TIFF_BITS, _TIFF_PHOTOMETRIC = 258, 262  # tags


def decode(file):
    """Returns `(height, width, 3)` uint8, as exported classifiers read it.

    Upright as a camera meant it (`orientation.py`), on white where it is
    transparent.

    Args:
        file: Path-like, URI or `ZippedFile`.

    Raises:
        ConnectionError: If the store of a URI cannot be reached.
        ValueError: If the file is no whole image, one of over 67 million
            pixels, or one whose channels are not unsigned integers of at most
            8 or of 16 bits; it is named.
    """
    return decode_bytes(read(file), file)


def read(file):
    """Returns the bytes of a file.

    Args:
        file: Path-like, URI or `ZippedFile`.

    Raises: ConnectionError, ValueError, as `decode`.
    """
    if isinstance(file, zipped_file.ZippedFile):
        changed = file.archive.stat().st_mtime_ns
        return _opened(file.archive, changed).read(file.member)
    if artifact_store.is_uri(file):
        return artifact_store.read_bytes(file)
    try:
        return given_files.read(file, given_files.IMAGE_BYTES)
    except (OSError, ValueError) as error:
        raise _unreadable(file, error_texts.brief(error)) from error


@functools.lru_cache(maxsize=1)  # with many members, all read one by one
def _opened(path, changed):
    return file_archive.FileArchive(path)


def decode_bytes(content, name):
    """Returns `(height, width, 3)` uint8 of the bytes of an image file.

    Args:
        content: Bytes.
        name: What to call the image in messages.

    Raises: ValueError, as `decode`.
    """
    try:
        with open_image(io.BytesIO(content)) as image:
            _check_channels(image)
            pixels = _to_pixels(image, content)
        return orientation.turn(pixels, orientation.orientation(content))
    except UnidentifiedImageError as error:  # which names our stream of bytes
        found = image_file_reader.named_format(content)
        problem = "no image of a known format"
        if found and found.upper() not in _FORMATS:
            problem = f"{found}, which is not read; save it as JPEG or PNG"
        raise _unreadable(name, problem) from error
    # A damaged file raises nearly anything.
    except Exception as error:
        raise _unreadable(name, error_texts.brief(error)) from error


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


def _unreadable(name, problem):
    return ValueError(
        f"{name} must be a complete image of a sensible size, with "
        "unsigned integers of at most 8 or of 16 bits as channels. "
        f"Received: {problem}"
    )


def _check_channels(image):
    """Refuses what would be cut off, or taken for what it is not."""
    if image.mode in _UNBOUNDED:
        raise ValueError(
            f"{_UNBOUNDED[image.mode]} (mode {image.mode!r} of Pillow)"
        )
    if image.format == "TIFF" and image.mode.startswith("I;16"):
        # Pillow neither stretches 12 bits nor inverts 16.
        if image.tag_v2[_TIFF_BITS] != (16,):
            raise ValueError(f"{image.tag_v2[_TIFF_BITS][0]} bits")
        if image.tag_v2[_TIFF_PHOTOMETRIC] == 0:
            raise ValueError("16 bits, of which 0 is white")


def _to_pixels(image, content):
    """Returns the pixels `(height, width, 3)`, on white."""
    if image.has_transparency_data:
        if image.format == "PNG" and content[_PNG_BITS] == 16:
            # Pillow compares the transparent colour with 8 of its 16 bits.
            rgba = tf.io.decode_png(content, 4).numpy()
        else:
            rgba = np.asarray(image.convert("RGBA"))
        return preprocessing.on_white(rgba.astype(np.int32)).astype(np.uint8)
    if image.mode.startswith("I;16"):  # 16 bits: keep the upper 8
        upper = (np.asarray(image) // 256).astype(np.uint8)
        return np.repeat(upper[..., None], 3, axis=2)
    return np.asarray(image.convert("RGB"))
