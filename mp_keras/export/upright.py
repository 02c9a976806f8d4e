"""Turns decoded images upright, in a TensorFlow graph.

A camera notes how it was held in the Exif orientation, tag 0x0112: a JPEG file
has it in its APP1 segment, a PNG file in its eXIf chunk.

    at   = place of the TIFF block in the file, found segment by segment
    1..8 = value of the tag in the block's first directory; 1: upright
    image = transposed from 5 on, then mirrored left-right and top-bottom

What is damaged or missing counts as upright. `pipeline.datasets.orientation`
reads the same in Python; tests hold both against each other.
"""

import tensorflow as tf

TAG = 0x0112
SIZES = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4}  # of integers, by TIFF type
_MOST_SEGMENTS = 2**16
_LEFT_RIGHT, _TOP_BOTTOM, _TRANSPOSED = (2, 3, 6, 7), (3, 4, 7, 8), (5, 6, 7, 8)


def turn(image, orientation):
    """Returns an image as it was meant to be seen.

    Args:
        image: Tensor `(height, width, channels)`.
        orientation: Integer tensor `()` from 1 to 8.
    """

    def when(cases, change, image):
        is_one = tf.reduce_any(orientation == tf.constant(cases, tf.int64))
        return tf.cond(is_one, lambda: change(image), lambda: image)

    image = when(_TRANSPOSED, lambda x: tf.transpose(x, (1, 0, 2)), image)
    image = when(_LEFT_RIGHT, lambda x: x[:, ::-1], image)
    return when(_TOP_BOTTOM, lambda x: x[::-1], image)


def orientation(encoded):
    """Returns the orientation that a file notes, int64 `()` from 1 to 8.

    Args:
        encoded: String tensor `()`, a JPEG or PNG file; of another file 1.
    """
    start, end = tf.cond(
        tf.io.is_jpeg(encoded), lambda: _jpeg(encoded), lambda: _png(encoded)
    )
    return tf.cond(
        start < end,
        lambda: _read(tf.strings.substr(encoded, start, end - start)),
        lambda: tf.constant(1, tf.int64),
    )


def _jpeg(encoded):
    """Returns where the TIFF block of a JPEG file begins and ends, or 0, 0."""

    def look(position):
        head = _Bytes(tf.strings.substr(encoded, position, 10))
        fits = position + 10 <= length
        is_marker = head.number(0, 1) == 0xFF
        kind, size = head.number(1, 1), head.number(2, 2)
        is_exif = (kind == 0xE1) & tf.equal(head.text(4, 6), b"Exif\0\0")
        end = tf.minimum(position + 2 + size, length)
        block = position + 10, end
        bare = (kind == 0x01) | ((kind >= 0xD0) & (kind <= 0xD8))
        following = tf.where(bare, position + 2, end)
        following = tf.where(kind == 0xFF, position + 1, following)
        goes_on = fits & is_marker & (kind != 0xDA) & (kind != 0xD9)
        goes_on &= bare | (kind == 0xFF) | (size >= 2)
        return fits & is_marker & is_exif, block, goes_on, following

    length = _length(encoded)
    return _walk(look, 2, length)


def _png(encoded):
    """Returns the same of a PNG file; 0, 0 of all others."""

    def look(position):
        head = _Bytes(tf.strings.substr(encoded, position, 8))
        fits = position + 8 <= length
        size, name = head.number(0, 4), head.text(4, 4)
        end = position + 8 + size
        goes_on = fits & tf.not_equal(name, b"IEND") & (end + 4 <= length)
        is_exif = fits & tf.equal(name, b"eXIf") & (end <= length)
        return is_exif, (position + 8, end), goes_on, end + 4

    length = _length(encoded)
    is_png = tf.equal(tf.strings.substr(encoded, 0, 8), b"\x89PNG\r\n\x1a\n")
    return _walk(look, 8, tf.where(is_png, length, 0))


def _walk(look, first, length):
    """Returns the block that `look` finds, or 0, 0.

    Args:
        look: Function from a position to whether the block is here, its
            start and end, whether to go on, and where.
        first: Int, where to begin.
        length: int64 tensor `()`, bytes to look at.
    """
    zero = tf.constant(0, tf.int64)

    def body(position, _, start, end):
        is_here, block, goes_on, following = look(position)
        start = tf.where(is_here, block[0], start)
        end = tf.where(is_here, block[1], end)
        return following, goes_on & ~is_here, start, end

    _, _, start, end = tf.while_loop(
        lambda position, goes_on, *_: goes_on & (position < length),
        body,
        (tf.constant(first, tf.int64), tf.constant(True), zero, zero),
        maximum_iterations=_MOST_SEGMENTS,
    )
    return start, end


def _read(block):
    """Returns the orientation of a TIFF block, 1 if it has none."""
    tiff = _Bytes(block)
    is_little = tf.equal(tiff.text(0, 4), b"II*\0")
    is_tiff = is_little | tf.equal(tiff.text(0, 4), b"MM\0*")

    def number(at, count):
        big = tiff.number(at, count)
        return tf.where(is_little, tiff.number(at, count, little=True), big)

    directory = number(4, 4)
    entries = number(directory, 2)
    fitting = (tiff.length - directory - 2) // 12
    entries = tf.clip_by_value(tf.minimum(entries, fitting), 0, 2**16)

    def body(index, found):
        at = directory + 2 + 12 * index
        kind = number(at + 2, 2)
        value = tf.constant(0, tf.int64)
        for each, size in SIZES.items():
            value = tf.where(kind == each, number(at + 8, size), value)
        is_one = (number(at, 2) == TAG) & (number(at + 4, 4) == 1)
        return index + 1, tf.where(is_one, value, found)

    _, found = tf.while_loop(
        lambda index, _: index < entries,
        body,
        (tf.constant(0, tf.int64), tf.constant(1, tf.int64)),
    )
    is_known = is_tiff & (found >= 1) & (found <= 8)
    return tf.where(is_known, found, 1)


class _Bytes:
    """Some bytes, with zeros behind their end."""

    def __init__(self, content):
        self.length = _length(content)
        self._content = content + b"\0" * 16

    def text(self, at, count):
        at = tf.clip_by_value(tf.cast(at, tf.int64), 0, self.length)
        return tf.strings.substr(self._content, at, count)

    def number(self, at, count, little=False):
        part = tf.io.decode_raw(self.text(at, count), tf.uint8)
        part = tf.cast(tf.ensure_shape(part, (count,)), tf.int64)
        powers = [256**power for power in range(count)]
        weights = powers if little else powers[::-1]
        return tf.reduce_sum(part * tf.constant(weights, tf.int64))


def _length(content):
    return tf.cast(tf.strings.length(content), tf.int64)
