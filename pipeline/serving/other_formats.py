"""Image files that training reads and exported classifiers do not.

WebP, GIF and TIFF files become PNG files, decoded by what decodes them in
training, so that they get the very probabilities; TensorFlow Serving has no
such place, and refuses them.
"""

import io

import tensorflow as tf
from PIL import Image

from pipeline.datasets import image_files

_INPUT = "image_bytes"  # of the signature serve_files
_CONVERTED = {
    b"GIF8": "GIF",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"RIFF": "WebP",
}


def readable_tensors(tensors):
    """Returns the tensors of a request, files as a classifier reads them.

    Args:
        tensors: Dict from input name to tensor.

    Raises: As `readable`.
    """
    if _INPUT not in tensors:
        return tensors
    files = [readable(content) for content in tensors[_INPUT].numpy()]
    return {**tensors, _INPUT: tf.constant(files, tf.string, [len(files)])}


def readable(content):
    """Returns an image file that an exported classifier reads.

    Args:
        content: Bytes of a file.

    Returns: the bytes of a PNG file for a WebP, GIF or TIFF file; else the
        same, which the classifier reads, or refuses.
    Raises: ValueError, naming the format, if such a file is damaged.
    """
    for start, name in _CONVERTED.items():
        if content.startswith(start):
            pixels = image_files.decode_bytes(content, f"A {name} file")
            stream = io.BytesIO()
            Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
            return stream.getvalue()
    return content
