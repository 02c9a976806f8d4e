"""TFDS builder of Tiny ImageNet, the paper's source data set.

MetaPerturb (NeurIPS 2020), section 4: 200 classes, 64x64 pixels. Reads the
original archive, or a part of it in the same layout, from the manual folder;
the members of a zip file are read in place and never unpacked.

    wnids.txt                                   one class per line
    train/<wnid>/images/*.JPEG                  split "train"
    val/images/*.JPEG, val/val_annotations.txt  split "validation"

The test images have no labels and are left out.
"""

import re

from pipeline.datasets.builders import jpeg_images
from pipeline.datasets.builders import manual_files
from pipeline.datasets.builders import tiny_imagenet_archive

_DESCRIPTION = """\
Tiny ImageNet: 64x64 colour images of 200 ImageNet classes. Labels number the
WordNet ids of wnids.txt in sorted order.
"""
_CITATION = """\
@techreport{le2015tiny,
  author = {Le, Ya and Yang, Xuan},
  title = {Tiny ImageNet Visual Recognition Challenge},
  institution = {Stanford University, CS 231N},
  year = {2015}
}
"""
_IMAGE_SIZE = 64
_TRAIN_MEMBER = re.compile(r"train/([^/]+)/images/[^/]+\.jpe?g", re.IGNORECASE)


def list_train(archive, wnids):
    """Returns `[(file, wnid)]`; raises ValueError if a class has no file."""
    pairs = []
    for name in archive.names:
        match = _TRAIN_MEMBER.fullmatch(name)
        if match and match[1] in wnids:
            pairs.append((name, match[1]))
    missing = sorted(set(wnids) - {wnid for _, wnid in pairs})
    if missing:
        raise ValueError(
            "Each class of wnids.txt must have images in train/<wnid>/images. "
            f"Received: none for {len(missing)} classes, first {missing[0]}"
        )
    return pairs


def list_validation(archive, wnids):
    """Returns `[(file, wnid)]`, one for each line of val_annotations.txt."""
    present = set(archive.names)
    annotations = "val/val_annotations.txt"
    if annotations not in present:
        raise ValueError(
            f"Tiny ImageNet must hold {annotations}. Received: no such file"
        )
    pairs = []
    for line in archive.read(annotations).decode("utf-8").splitlines():
        if not line.strip():
            continue
        file, wnid, *_ = *line.split("\t"), "", ""
        file = f"val/images/{file}"
        if file not in present or wnid not in wnids:
            raise ValueError(
                f"Each line of {annotations} must name an image of val/images "
                f"and a class of wnids.txt. Received: {line!r}"
            )
        pairs.append((file, wnid))
    return pairs


def check_jpeg(name, encoded):
    """Returns JPEG bytes in colour; raises ValueError if not 64x64 pixels."""
    return jpeg_images.to_color(name, encoded, size=(_IMAGE_SIZE,) * 2)


class TinyImagenet(jpeg_images.JpegBuilder):
    """Tiny ImageNet: splits "train" and "validation".

    Features: `image`, uint8 `(64, 64, 3)`; `label`, named by WordNet id;
    `file_name`, the path inside the archive.

    TFDS prepares a data set once for each `data_dir`: after a part of the
    archive, prepare the whole one in another `data_dir`.
    """

    DESCRIPTION = _DESCRIPTION
    CITATION = _CITATION
    MANUAL_DOWNLOAD_INSTRUCTIONS = tiny_imagenet_archive.INSTRUCTIONS
    SHAPE = (_IMAGE_SIZE, _IMAGE_SIZE, 3)

    def _split_generators(self, dl_manager):
        folder = manual_files.manual_folder(dl_manager)
        archive = tiny_imagenet_archive.open_archive(folder)
        wnids = sorted(set(archive.read("wnids.txt").decode().split()))
        train = list_train(archive, wnids)
        validation = list_validation(archive, wnids)
        self.info.features["label"].names = wnids
        return {
            "train": self._generate_examples(archive, train),
            "validation": self._generate_examples(archive, validation),
        }

    def _generate_examples(self, archive, pairs):
        for name, wnid in pairs:
            image = check_jpeg(name, archive.read(name))
            yield name, {"image": image, "label": wnid, "file_name": name}
