"""Pixels of encoded images in a TensorFlow graph, for files of unknown origin.

    kind known? -> at most 2^26 pixels by its header? -> a BMP as it is read?
        -> decoded -> on white where it is transparent -> turned upright
        -> gray, if one channel is asked for -> resized with antialiasing

Nothing is decoded before all three are answered. The traps: TensorFlow decodes
more kinds of files than announce their size at their start (GIF does for its
screen alone), takes a BMP file's palette for gray, and of an opaque PNG file
with less than 8 bits a channel it makes one that is nearly transparent.
"""

import tensorflow as tf

from mp_keras import preprocessing
from mp_keras.export import upright

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_BITS = 24  # place of the bits of a channel
_BMP = b"BM"
_REFUSED = {  # place and bytes there -> name of the format in errors
    (0, b"GIF8"): "GIF",
    (0, b"II*\x00"): "TIFF",
    (0, b"MM\x00*"): "TIFF",
    (0, b"RIFF"): "WebP",
    (0, b"%PDF"): "PDF",
    (0, b"8BPS"): "Photoshop",
    (0, b"<svg"): "SVG",
    (4, b"ftypavif"): "AVIF",
    (4, b"ftyphe"): "HEIC",
    (4, b"ftypmif1"): "HEIF",
}
_START = 1162  # bytes that say all about size and pixels but in JPEG files
_BMP_HEADERS = (40, 124)  # bytes of the smallest and largest in use
_BMP_WITH_ALPHA = 56  # bytes of the smallest header with a mask of alpha
_BMP_MASKS = [0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0]  # red, green, blue


def reader(shape):
    """Returns the function that makes pixels of encoded images.

    Args:
        shape: Ints (height, width, channels) of the pixels, 1 or 3 channels.

    Returns: a function from a string tensor `(batch,)` of JPEG, PNG or BMP
        files to uint8 pixels `(batch, *shape)`.
    """
    height, width, channels = shape

    def read_one(encoded):
        # Before it is decoded, one check after the other.
        for check in (_check_kind, _check_size, _check_bmp):
            with tf.control_dependencies([check(encoded)]):
                encoded = tf.identity(encoded)
        pixels = tf.cond(
            tf.io.is_jpeg(encoded),
            # Accurate, as other decoders are: the default differs by a few
            # units.
            lambda: tf.io.decode_jpeg(
                encoded, 3, dct_method="INTEGER_ACCURATE"
            ),
            lambda: _decode_other(encoded),
        )
        pixels = upright.turn(pixels, upright.orientation(encoded))
        if channels == 1:
            pixels = tf.round(preprocessing.luma(pixels))
        resized = tf.image.resize(pixels, (height, width), antialias=True)
        resized = tf.clip_by_value(tf.round(resized), 0, 255)
        return tf.ensure_shape(tf.cast(resized, tf.uint8), shape)

    spec = tf.TensorSpec(shape, tf.uint8)
    return lambda encoded: tf.map_fn(
        read_one, encoded, fn_output_signature=spec
    )


def _decode_other(encoded):
    """Returns the uint8 pixels `(height, width, 3)` of a PNG or BMP file."""

    def decode(channels):
        return tf.io.decode_image(encoded, channels, expand_animations=False)

    def transparent():
        pixels = preprocessing.on_white(tf.cast(decode(4), tf.int32))
        return tf.cast(pixels, tf.uint8)

    # What is behind the colours of a BMP file means alpha only where it says.
    start = _start(encoded)
    says_alpha = _number(start, 17, 16, 15, 14) >= _BMP_WITH_ALPHA
    says_alpha &= _number(start, 33, 32, 31, 30) == 3
    says_alpha &= tf.reduce_all(start[66:70] == [0, 0, 0, 255])
    says_alpha |= _png_has_alpha(encoded)
    return tf.cond(says_alpha, transparent, lambda: decode(3))


def _png_has_alpha(encoded):
    """Returns whether it is a PNG file of which four channels are right."""

    def own_channels():
        return tf.shape(tf.io.decode_png(encoded, 0))[-1]

    # Asked for a fourth, TensorFlow makes one of 15, not 255, for 4 bits.
    is_png = _begins(encoded, _PNG)
    is_shallow = is_png & (_start(encoded)[_PNG_BITS] < 8)
    channels = tf.cond(is_shallow, own_channels, lambda: 4)
    return is_png & (channels % 2 == 0)


def _check_kind(encoded):
    """Returns an operation that refuses other files than are read here."""
    is_known = tf.io.is_jpeg(encoded) | _begins(encoded, _PNG, _BMP)
    return tf.debugging.Assert(
        is_known,
        [
            "`image_bytes` must be JPEG, PNG or BMP files. "
            "Received one that begins with the bytes",
            tf.io.decode_raw(tf.strings.substr(encoded, 0, 12), tf.uint8),
            _format_name(encoded),
        ],
        summarize=12,
    )


def named_format(content):
    """Returns the name of a format that is not read here, "" if unknown.

    Args:
        content: Bytes of a file.
    """
    for (place, start), name in _REFUSED.items():
        if content[place : place + len(start)] == start:
            return name
    return ""


def _format_name(encoded):
    """Returns the name of a format that is not read here, "" if unknown."""
    padded = encoded + b"\0" * 16
    found = tf.constant("")
    for (place, start), name in _REFUSED.items():
        is_it = tf.strings.substr(padded, place, len(start)) == start
        found = tf.where(is_it, f"({name})", found)
    return found


def _check_size(encoded):
    """Returns an operation that refuses files of too many pixels."""
    pixels = _announced_pixels(encoded)
    return tf.debugging.Assert(
        pixels <= preprocessing.MOST_PIXELS,
        [
            "`image_bytes` must be images of at most "
            f"{preprocessing.MOST_PIXELS} pixels. Received",
            pixels,
        ],
    )


def _check_bmp(encoded):
    """Returns an operation that refuses BMP files that would be misread.

    TensorFlow returns bytes as blue, green, red (and alpha), or as gray, and
    looks neither at a palette nor at a compression.
    """
    start = _start(encoded)
    header_bytes = _number(start, 17, 16, 15, 14)
    bits = _number(start, 29, 28)
    compression = _number(start, 33, 32, 31, 30)
    # Blue, green, red and an unused byte for each value.
    place = 14 + tf.clip_by_value(header_bytes, *_BMP_HEADERS)
    palette = tf.reshape(start[place : place + 1024], (256, 4))
    grays = tf.range(256, dtype=tf.int64)[:, None]  # (256, 1)
    is_gray = (bits == 8) & tf.reduce_all(palette[:, :3] == grays)
    is_plain = (bits == 24) | (bits == 32) | is_gray
    is_masked = (bits == 32) & tf.reduce_all(start[54:66] == _BMP_MASKS)
    is_read = ((compression == 0) & is_plain) | ((compression == 3) & is_masked)
    is_read &= header_bytes >= _BMP_HEADERS[0]
    return tf.debugging.Assert(
        is_read | ~_begins(encoded, _BMP),
        [
            "A BMP file in `image_bytes` must be uncompressed, of 24 or 32 "
            "bits a pixel, or of 8 with a gray palette. Received bits a "
            "pixel, compression and bytes of the header",
            bits,
            compression,
            header_bytes,
        ],
    )


def _announced_pixels(encoded):
    """Returns height times width by a file's header, before it is decoded.

    Args:
        encoded: String tensor `()`, a JPEG, PNG or BMP file.

    Returns: int64 tensor `()`.
    """

    def of_jpeg():
        shape = tf.io.extract_jpeg_shape(encoded, tf.int64)
        return shape[0] * shape[1]

    def of_others():
        start = _start(encoded)

        def signed(*places):
            value = _number(start, *places)
            return tf.minimum(value, 256 ** len(places) - value)

        return tf.where(
            _begins(encoded, _BMP),
            signed(21, 20, 19, 18) * signed(25, 24, 23, 22),
            _number(start, 16, 17, 18, 19) * _number(start, 20, 21, 22, 23),
        )

    return tf.cond(tf.io.is_jpeg(encoded), of_jpeg, of_others)


def _begins(encoded, *starts):
    """Returns whether a file begins with one of these bytes."""
    return tf.reduce_any(
        [tf.strings.substr(encoded, 0, len(start)) == start for start in starts]
    )


def _start(encoded):
    """Returns a file's first bytes, 0 behind its end: int64 `(_START,)`."""
    padded = tf.strings.substr(encoded, 0, _START) + b"\0" * _START
    start = tf.io.decode_raw(tf.strings.substr(padded, 0, _START), tf.uint8)
    return tf.cast(start, tf.int64)


def _number(start, *places):
    """Returns the number in some bytes, the most significant one first."""
    return sum(
        start[place] * 256**power
        for power, place in enumerate(reversed(places))
    )
