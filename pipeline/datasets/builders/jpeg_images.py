"""Checks JPEG files and brings them to three channels before TFDS keeps them.

Colour files are kept to the bit. Others are encoded again, because TFDS's
readers without TensorFlow would return gray ones without channels.
"""

import io

import tensorflow_datasets as tfds

from mp_keras import error_texts
from pipeline.datasets import image_files

_QUALITY = 95


def to_color(name, encoded, size=None, cut_bottom=0):
    """Returns the bytes of a colour JPEG.

    Args:
        name: Str, named in the messages.
        encoded: Bytes of a JPEG file.
        size: `(width, height)` that it must have; None allows any.
        cut_bottom: Int, rows of pixels to cut off below. If not 0, the rest is
            encoded again at quality 95, without chroma subsampling.

    Raises:
        ValueError: If it is no complete JPEG image or of another size.
    """
    try:
        with image_files.open_image(io.BytesIO(encoded)) as image:
            wrong_size = size is not None and image.size != size
            if image.format != "JPEG" or wrong_size:
                raise ValueError(f"{image.format} of size {image.size}")
            if image.height <= cut_bottom:
                raise ValueError(f"a height of {image.height} pixels")
            image.load()
            if image.mode == "RGB" and not cut_bottom:
                return encoded
            colored = image.convert("RGB")
    # A damaged file raises nearly anything.
    except Exception as error:
        kind = "JPEG image"
        if size is not None:
            kind += f" of {size[0]}x{size[1]} pixels"
        if cut_bottom:
            kind += f" of more than {cut_bottom} rows"
        raise ValueError(
            f"{name} must be a complete {kind}. "
            f"Received: {error_texts.brief(error)}"
        ) from error
    colored = colored.crop((0, 0, colored.width, colored.height - cut_bottom))
    buffer = io.BytesIO()
    colored.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()


def dataset_info(builder, description, citation, shape=(None, None, 3)):
    """Returns what TFDS wants to know of a set of labelled JPEG images.

    Args:
        builder: `tfds.core.DatasetBuilder`.
        description: Str.
        citation: Str, BibTeX.
        shape: Height, width and channels; None where images differ.

    Returns: `tfds.core.DatasetInfo` with the features `image`, `label`, whose
        names the builder sets when it has read them, and `file_name`.
    """
    return tfds.core.DatasetInfo(
        builder=builder,
        description=description,
        citation=citation,
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(
                    shape=shape, encoding_format="jpeg"
                ),
                "label": tfds.features.ClassLabel(),
                "file_name": tfds.features.Text(),
            }
        ),
        supervised_keys=("image", "label"),
    )
