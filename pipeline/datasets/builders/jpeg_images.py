"""Checks JPEG files and brings them to three channels before TFDS keeps them.

Colour files are kept to the bit. Others are encoded again, because TFDS's
readers without TensorFlow would return gray ones without channels.
"""

import io

import tensorflow_datasets as tfds

from mp_keras import error_texts
from pipeline.datasets import image_files
from pipeline.datasets.builders import manual_files

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


class JpegBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """What the builders of labelled JPEG images in a manual folder share.

    Features: `image`, uint8; `label`, whose names a builder sets when it has
    read them; `file_name`. A builder sets `DESCRIPTION` and `CITATION`, BibTeX,
    and `MANUAL_DOWNLOAD_INSTRUCTIONS`.
    """

    # TFDS would look for a checksum file next to the code, with a package that
    # it does not install; nothing here is downloaded.
    code_path = None
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    SHAPE = (None, None, 3)  # None where images differ
    CUT_BOTTOM = 0  # rows of pixels, as for `to_color`

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.DESCRIPTION,
            citation=self.CITATION,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(
                        shape=self.SHAPE, encoding_format="jpeg"
                    ),
                    "label": tfds.features.ClassLabel(),
                    "file_name": tfds.features.Text(),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _generate_examples(self, path, labels):
        """Yields the images in an archive or folder that have a label.

        Args:
            path: Path of the archive or folder.
            labels: Dict {file name: label}.
        """
        for name, content in manual_files.read_files(path, labels):
            image = to_color(name, content, None, self.CUT_BOTTOM)
            yield (
                name,
                {"image": image, "label": labels[name], "file_name": name},
            )
