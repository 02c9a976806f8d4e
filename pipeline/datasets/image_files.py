"""Decodes image files: local ones, those of a store by URI, and bytes."""

import functools
import io

import numpy as np
import tensorflow as tf
from absl import logging
from PIL import Image
from PIL import UnidentifiedImageError

from mp_keras import error_texts
from mp_keras import given_files
from mp_keras import preprocessing
from mp_keras.export import image_file_reader
from pipeline.datasets import file_archive
from pipeline.datasets import orientation
from pipeline.listing import folder_tree
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
_DARK = 2**12  # of 16 bits: what microscopes and X-rays write has 12 or fewer


def decode(file):
    """Returns `(height, width, 3)` uint8, as exported classifiers read it.

    Upright as a camera meant it (`orientation.py`), on white where it is
    transparent; of 16 bits the upper 8, of several pages the first. The log
    warns of the first image that this leaves nearly black, and of the first
    TIFF file with more pages.

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
        archive, members = _opened(file.archive, changed)
        return archive.read(members.get(file.member, file.member))
    if artifact_store.is_uri(file):
        return artifact_store.read_bytes(file)
    try:
        return given_files.read(file, given_files.IMAGE_BYTES)
    except (OSError, ValueError) as error:
        raise _unreadable(file, error_texts.brief(error)) from error


@functools.lru_cache(maxsize=1)  # with many members, all read one by one
def _opened(path, changed):
    return file_archive.FileArchive(path), folder_tree.zip_members(path)


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
            _warn_of_pages(image, name)
            pixels = _to_pixels(image, content, name)
            return orientation.turn(pixels, _orientation(image, content))
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


def _warn_of_pages(image, name):
    """Says of one image, the first, that it is a part of its file alone."""
    if image.format == "TIFF" and image.tag_v2.next:
        logging.log_first_n(
            logging.WARNING,
            "%s: the first page is read, and there are more; so it may be with "
            "others. Save each page that shows something else as a file",
            1,
            name,
        )


def _orientation(image, content):
    """Returns the orientation that a file notes, 1 to 8."""
    if image.format == "WEBP":
        block = image.info.get("exif", b"").removeprefix(b"Exif\0\0")
        return orientation.of_block(block)
    return orientation.orientation(content)


def _to_pixels(image, content, name):
    """Returns the pixels `(height, width, 3)`, on white."""
    if image.has_transparency_data:
        if image.format == "PNG" and content[_PNG_BITS] == 16:
            # Pillow compares the transparent colour with 8 of its 16 bits.
            rgba = tf.io.decode_png(content, 4).numpy()
        else:
            rgba = np.asarray(image.convert("RGBA"))
        seen = rgba[rgba[..., 3] > 0, :3]
        if _is_deep(image, content) and seen.size:
            _warn_if_dark(name, 256 * int(seen.max()) + 255)
        return preprocessing.on_white(rgba.astype(np.int32)).astype(np.uint8)
    if image.mode.startswith("I;16"):  # 16 bits: keep the upper 8
        values = np.asarray(image)
        _warn_if_dark(name, int(values.max()))
        upper = (values // 256).astype(np.uint8)
        return np.repeat(upper[..., None], 3, axis=2)
    pixels = np.asarray(image.convert("RGB"))
    if _is_deep(image, content):
        _warn_if_dark(name, 256 * int(pixels.max()) + 255)
    return pixels


def _is_deep(image, content):
    """Returns whether channels have 16 bits."""
    if image.format == "PNG":
        return content[_PNG_BITS] == 16
    return image.format == "TIFF" and 16 in image.tag_v2.get(_TIFF_BITS, ())


def _warn_if_dark(name, largest):
    """Says of one image, the first, that it uses too few of its 16 bits.

    Args:
        name: What to call it.
        largest: Int, its largest value, or one not much above.
    """
    if 0 < largest < _DARK:
        logging.log_first_n(
            logging.WARNING,
            "%s: at most %d of its 16 bits are used, and of all 16 the upper 8 "
            "are read, so that it is nearly black; others may be as well. "
            "Divide the values by the white level (4095 at 12 bits), multiply "
            "them by 255 and save them as 8 bits",
            1,
            name,
            largest.bit_length(),
        )
