"""TFDS builder of Caltech-UCSD Birds, read from files put there by hand.

MetaPerturb (NeurIPS 2020), appendix C.2; Wah et al. 2011: 200 species, 5,994
images to train on and 5,794 to test on. TFDS's own builder, caltech_birds2011,
also reads a segmentation mask for each image, for which it needs OpenCV and
much memory; this one reads the official archive in place, or its unpacked
folder:

    classes.txt                           "<class> <name>" lines
    images.txt                            "<image> <folder>/<file>.jpg"
    image_class_labels.txt                "<image> <class>"
    train_test_split.txt                  "<image> 1" to train, 0 to test on
    images/<folder>/<file>.jpg

Masks, bounding boxes, parts and attributes are left out: the paper does not
crop to the birds.
"""

import tensorflow_datasets as tfds

from pipeline.datasets.builders import jpeg_images
from pipeline.datasets.builders import manual_files

_DESCRIPTION = """\
Caltech-UCSD Birds-200-2011: photographs of 200 bird species, of many sizes.
Labels are in the order of classes.txt.
"""
_CITATION = """\
@techreport{wah2011caltech,
  author = {Wah, C. and Branson, S. and Welinder, P. and Perona, P. and
            Belongie, S.},
  title = {The Caltech-UCSD Birds-200-2011 Dataset},
  institution = {California Institute of Technology},
  number = {CNS-TR-2011-001},
  year = {2011}
}
"""
INSTRUCTIONS = """\
Put CUB_200_2011.tgz, or its unpacked folder CUB_200_2011, into this folder. It
is at https://data.caltech.edu/records/65de6-vp158.
"""
_NAMES = ("CUB_200_2011", "CUB_200_2011.tgz")
_CLASSES = "classes.txt"
_IMAGES = "images.txt"
_LABELS = "image_class_labels.txt"
_SPLIT = "train_test_split.txt"
_PARTS = {"1": "train", "0": "test"}


def read_table(name, content):
    """Returns `{number: value}` of a list, both as str.

    Args:
        name: Str, named in the messages.
        content: Bytes, lines of a number and a value.

    Raises:
        ValueError: If there is no line, one is something else, or a number
            comes twice.
    """
    table = {}
    for line in content.decode("utf-8", errors="replace").splitlines():
        number, _, value = line.strip().partition(" ")
        if not number:
            continue
        if not number.isdecimal() or not value or number in table:
            raise ValueError(
                f"Each line of {name} must have a number, each once, and a "
                f"value. Received: {line!r}"
            )
        table[number] = value
    if not table:
        raise ValueError(f"{name} must have lines. Received: none")
    return table


def read_class_names(content):
    """Returns the class names of classes.txt, a list of str.

    Raises:
        ValueError: If there are fewer than 2 or one comes twice, or if they
            are not numbered from 1.
    """
    table = read_table(_CLASSES, content)
    names = list(table.values())
    numbers = [str(number) for number in range(1, len(names) + 1)]
    if len(names) < 2 or len(set(names)) < len(names) or list(table) != numbers:
        raise ValueError(
            f"{_CLASSES} must hold at least 2 class names, each once, "
            f"numbered from 1. Received: {table}"
        )
    return names


def read_lists(files, names):
    """Returns `{file name: class name}` for "train" and for "test".

    Args:
        files: `{name: bytes}` of the three lists of images.
        names: The class names.

    Raises:
        ValueError: If a list is damaged or does not fit the others.
    """
    paths, labels, parts = (
        read_table(name, files[name]) for name in (_IMAGES, _LABELS, _SPLIT)
    )
    classes = {str(number): one for number, one in enumerate(names, start=1)}
    _check_values(_LABELS, labels, paths, classes, f"a class of {_CLASSES}")
    _check_values(_SPLIT, parts, paths, _PARTS, "1 (train) or 0 (test)")
    lists = {part: {} for part in _PARTS.values()}
    seen = set()
    for number, path in paths.items():
        file = path.rpartition("/")[2]
        if not file or file in seen:
            raise ValueError(
                f"Each line of {_IMAGES} must have another file. "
                f"Received: {path!r}"
            )
        seen.add(file)
        lists[_PARTS[parts[number]]][file] = classes[labels[number]]
    for part, class_of in lists.items():
        if not class_of:
            raise ValueError(
                f"{_SPLIT} must have images to {part} on. Received: none"
            )
    return lists


def _check_values(name, table, paths, allowed, wanted):
    """Checks that a table has one of the allowed values for each image."""
    if set(table) != set(paths):
        raise ValueError(
            f"{name} must have the {len(paths)} images of {_IMAGES}. Received: "
            f"{len(table)} images, {len(set(table) & set(paths))} of them there"
        )
    for number, value in table.items():
        if value not in allowed:
            raise ValueError(
                f"Each line of {name} must have an image and {wanted}. "
                f"Received: '{number} {value}'"
            )


class Cub2002011(tfds.core.GeneratorBasedBuilder):
    """Caltech-UCSD Birds-200-2011, `cub_200_2011`: splits "train" and "test".

    Features: `image`, uint8 `(height, width, 3)`; `label`, named by number and
    species as in classes.txt; `file_name`.
    """

    name = "cub_200_2011"
    # TFDS would look for a checksum file next to the code; nothing here is
    # downloaded.
    code_path = None
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = INSTRUCTIONS

    def _info(self):
        return jpeg_images.dataset_info(self, _DESCRIPTION, _CITATION)

    def _split_generators(self, dl_manager):
        folder = manual_files.manual_folder(dl_manager)
        path = manual_files.find(folder, _NAMES, INSTRUCTIONS)
        wanted = [_CLASSES, _IMAGES, _LABELS, _SPLIT]
        files = dict(manual_files.read_files(path, wanted))
        names = read_class_names(files[_CLASSES])
        lists = read_lists(files, names)
        self.info.features["label"].names = names
        return {
            part: self._generate_examples(path, class_of)
            for part, class_of in lists.items()
        }

    def _generate_examples(self, path, class_of):
        for name, content in manual_files.read_files(path, class_of):
            image = jpeg_images.to_color(name, content)
            yield (
                name,
                {"image": image, "label": class_of[name], "file_name": name},
            )
