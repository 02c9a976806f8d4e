"""The Exif orientation that an image file records, and what it asks for.

Read from a JPEG file's APP1 segment and a PNG file's eXIf chunk, as the
exported classifiers read it (mp_keras/export/upright.py), and from nowhere
else in them, so that training and serving see every image alike. (WebP, which
those do not read, is turned by image_files.py.)
"""

import numpy as np

from mp_keras.export import upright

_ORDERS = {b"II*\0": "little", b"MM\0*": "big"}


def turn(image, orientation):
    """Returns an image as it was meant to be seen.

    Args:
        image: Array `(height, width, channels)`.
        orientation: Int from 1 to 8.
    """
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)


def orientation(content):
    """Returns the orientation of a file, 1 to 8; 1 if it notes none.

    Args:
        content: Bytes of an image file.
    """
    if content[:3] == b"\xff\xd8\xff":
        return of_block(_jpeg(content))
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        return of_block(_png(content))
    return 1


def _jpeg(content):
    """Returns the TIFF block of a JPEG file, empty if it has none."""
    position = 2
    while position + 10 <= len(content) and content[position] == 0xFF:
        kind = content[position + 1]
        size = int.from_bytes(content[position + 2 : position + 4], "big")
        if kind == 0xE1 and content[position + 4 : position + 10] == (
            b"Exif\0\0"
        ):
            return content[position + 10 : position + 2 + size]
        if kind == 0xFF:  # filling
            position += 1
        elif kind == 0x01 or 0xD0 <= kind <= 0xD8:  # nothing follows
            position += 2
        elif kind in (0xDA, 0xD9) or size < 2:  # the image itself, or its end
            break
        else:
            position += 2 + size
    return b""


def _png(content):
    """Returns the TIFF block of a PNG file, empty if it has none."""
    position = 8
    while position + 8 <= len(content):
        size = int.from_bytes(content[position : position + 4], "big")
        name = content[position + 4 : position + 8]
        end = position + 8 + size
        if name == b"eXIf" and end <= len(content):
            return content[position + 8 : end]
        if name == b"IEND":
            break
        position = end + 4
    return b""


def of_block(block):
    """Returns the orientation that a block of Exif data, in TIFF's form, notes.

    Args:
        block: Bytes, from the mark of the byte order on; empty: none.
    """
    order = _ORDERS.get(block[:4])
    if order is None:
        return 1

    def number(at, count):
        return int.from_bytes(block[at : at + count], order)

    directory = number(4, 4)
    fitting = (len(block) - directory - 2) // 12
    found = 1
    for index in range(min(number(directory, 2), fitting)):
        at = directory + 2 + 12 * index
        if number(at, 2) == upright.TAG and number(at + 4, 4) == 1:
            found = number(at + 8, upright.SIZES.get(number(at + 2, 2), 0))
    return found if 1 <= found <= 8 else 1
