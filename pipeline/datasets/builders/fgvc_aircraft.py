"""TFDS builder of FGVC-Aircraft, read from files put there by hand.

MetaPerturb (NeurIPS 2020), appendix C.2; Maji et al. 2013: 100 variants, 6,667
images to train on and 3,333 to test on. Not in TFDS. Reads the official
archive in place, or its unpacked folder:

    data/variants.txt                     one class per line
    data/images_variant_trainval.txt      "<image> <variant>" lines, "train"
    data/images_variant_test.txt          the same, "test"
    data/images/<image>.jpg

Each image ends in a copyright banner of 20 rows, which is cut off, as the
set's authors ask.
"""

from pipeline.datasets.builders import jpeg_images
from pipeline.datasets.builders import manual_files

_DESCRIPTION = """\
FGVC-Aircraft (2013b): photographs of 100 aircraft variants, of many sizes,
without the copyright banner below. Labels are in the order of variants.txt.
"""
_CITATION = """\
@techreport{maji2013fine,
  author = {Maji, S. and Kannala, J. and Rahtu, E. and Blaschko, M. and
            Vedaldi, A.},
  title = {Fine-Grained Visual Classification of Aircraft},
  institution = {arXiv},
  number = {1306.5151},
  year = {2013}
}
"""
INSTRUCTIONS = """\
Put fgvc-aircraft-2013b.tar.gz, or its unpacked folder fgvc-aircraft-2013b or
data, into this folder.
"""
_NAMES = ("fgvc-aircraft-2013b", "fgvc-aircraft-2013b.tar.gz")
_BANNER_ROWS = 20
_VARIANTS = "variants.txt"
_LISTS = {
    "train": "images_variant_trainval.txt",
    "test": "images_variant_test.txt",
}


def read_variants(content):
    """Returns the class names of variants.txt, a list of str.

    Raises:
        ValueError: If there are fewer than 2, or one comes twice.
    """
    variants = _lines(content)
    if len(set(variants)) < 2 or len(set(variants)) != len(variants):
        raise ValueError(
            f"{_VARIANTS} must hold at least 2 class names, each once. "
            f"Received: {variants}"
        )
    return variants


def read_list(name, content, variants):
    """Returns `{file name: variant}` of a list of images.

    Args:
        name: Str, named in the messages.
        content: Bytes, lines of an image's number and its variant.
        variants: The class names.

    Raises:
        ValueError: If there is no line, or one is something else.
    """
    files = {}
    for line in _lines(content):
        image, _, variant = line.partition(" ")
        if not image or variant not in variants:
            raise ValueError(
                f"Each line of {name} must have an image and a variant of "
                f"{_VARIANTS}. Received: {line!r}"
            )
        files[f"{image}.jpg"] = variant
    if not files:
        raise ValueError(f"{name} must list images. Received: none")
    return files


def _lines(content):
    lines = content.decode("utf-8", errors="replace").splitlines()
    return [line.strip() for line in lines if line.strip()]


class FgvcAircraft(jpeg_images.JpegBuilder):
    """FGVC-Aircraft: splits "train" (the official trainval) and "test".

    Features: `image`, uint8 `(height, width, 3)`, the banner of 20 rows cut
    off and the rest encoded again at JPEG quality 95; `label`, named by
    variant; `file_name`.
    """

    DESCRIPTION = _DESCRIPTION
    CITATION = _CITATION
    MANUAL_DOWNLOAD_INSTRUCTIONS = INSTRUCTIONS
    CUT_BOTTOM = _BANNER_ROWS

    def _split_generators(self, dl_manager):
        folder = manual_files.manual_folder(dl_manager)
        if (folder / "data" / _VARIANTS).is_file():
            path = folder / "data"
        else:
            path = manual_files.find(folder, _NAMES, INSTRUCTIONS)
        wanted = [_VARIANTS, *_LISTS.values()]
        files = dict(manual_files.read_files(path, wanted))
        variants = read_variants(files[_VARIANTS])
        lists = {
            split: read_list(name, files[name], variants)
            for split, name in _LISTS.items()
        }
        self.info.features["label"].names = variants
        return {
            split: self._generate_examples(path, variant_of)
            for split, variant_of in lists.items()
        }
