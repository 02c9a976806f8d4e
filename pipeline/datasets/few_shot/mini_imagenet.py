"""miniImageNet: 100 ImageNet classes, the few-shot benchmark in colour.

Meta Dropout (ICLR 2020), section 4: 84x84 pixels, 600 images per class; 64, 16
and 20 classes for meta-training, validation and meta-testing, the split of
Ravi and Larochelle (2017), which three files hold:

    train.csv, val.csv, test.csv      filename,label
    images/<filename>                 or images/<label>/<filename>

A part of it in the same layout is read as well.
"""

import csv
import posixpath

import numpy as np

from pipeline.datasets import file_archive
from pipeline.datasets.few_shot import archive_images
from pipeline.datasets.few_shot import class_images
from pipeline.datasets.few_shot import few_shot_data

_TITLE = "miniImageNet"
_STEM = "miniimagenet"
_TABLES = ("train.csv", "val.csv", "test.csv")
_COLUMNS = ["filename", "label"]
_INSTRUCTIONS = """\
Put a zip file or folder whose name starts with mini-imagenet into this folder;
it must hold train.csv, val.csv and test.csv with the columns filename and
label, and the files in images/ (ImageNet's terms do not allow a download).
"""


def load_mini_imagenet(image_size, channels, manual_dir):
    """Loads miniImageNet from a zip file or a folder.

    Args:
        image_size: Int, height and width of the result in pixels; 84 in the
            paper.
        channels: 3, or 1 for gray images.
        manual_dir: Folder of the zip file or of the unpacked folder, or that
            folder itself.

    Returns:
        `FewShotData`: 64, 16 and 20 classes, if all are there. Classes are
        named by WordNet id and sorted; images are in the order of the tables.

    Raises:
        FileNotFoundError: If there is no such archive.
        ValueError: If an archive, a table or an image is damaged or missing.
    """
    archive = _open(manual_dir)
    return few_shot_data.FewShotData(
        *(_read_part(archive, t, image_size, channels) for t in _TABLES)
    )


def _open(manual_dir):
    """Returns the archive with names below the folder of train.csv."""
    if manual_dir is None:
        raise FileNotFoundError(
            f"{_TITLE} needs `manual_dir`. {_INSTRUCTIONS}"
            "Received: manual_dir=None"
        )
    path = file_archive.find_archive(
        manual_dir, _STEM, _TITLE, _INSTRUCTIONS, itself=_TABLES[0]
    )
    archive = file_archive.FileArchive(path)
    missing = [_TABLES[0]]
    if archive.descend(_TABLES[0]):
        missing = sorted(set(_TABLES) - set(archive.names))
    if missing:
        raise ValueError(
            f"{path} must hold {', '.join(_TABLES)} of {_TITLE} in one folder. "
            f"Received: no {', '.join(missing)}"
        )
    return archive


def _read_part(archive, table, image_size, channels):
    rows = _read_table(archive, table)
    present = set(archive.names)
    files = [_find_image(present, *row, archive, table) for row in rows]
    names, labels = np.unique([row[1] for row in rows], return_inverse=True)
    return class_images.ClassImages(
        archive_images.read_images(archive, files, image_size, channels),
        labels.astype(np.int64),
        tuple(names.tolist()),
    )


def _read_table(archive, table):
    """Returns the `(filename, label)` pairs of a table."""
    place = f"{table} of {archive.path}"
    try:
        lines = archive.read(table).decode("utf-8-sig").splitlines()
        rows = [row for row in csv.reader(lines) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{place} must be a table of comma-separated values, in UTF-8. "
            f"Received: {error}"
        ) from error
    header, *rows = rows or [[]]
    if header != _COLUMNS:
        raise ValueError(
            f"{place} must start with the columns {','.join(_COLUMNS)}. "
            f"Received: {','.join(header)!r}"
        )
    for row in rows:
        if len(row) != len(_COLUMNS) or not all(row):
            raise ValueError(
                f"Each line of {place} must hold a file name and a label. "
                f"Received: {','.join(row)!r}"
            )
    if not rows:
        raise ValueError(f"{place} must list images. Received: none")
    return rows


def _find_image(present, filename, label, archive, table):
    """Returns the name of an image in the archive."""
    base = posixpath.basename(filename)
    for name in (f"images/{filename}", f"images/{label}/{base}"):
        if name in present:
            return name
    raise ValueError(
        f"Each line of {table} of {archive.path} must name a file of images/. "
        f"Received: {filename}, which is not there"
    )
