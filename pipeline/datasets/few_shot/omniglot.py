"""Omniglot: handwritten characters, the gray few-shot benchmark.

Meta Dropout (ICLR 2020), section 4: 1,623 characters with 20 images each, by 20
people; 1,200 of them for meta-training and 423 for meta-testing, as in Vinyals
et al. (2016); each, turned by 90, 180 and 270 degrees, is three more classes.

    omniglot        both full sets, the 1,200 and 423 chosen at random
    omniglot_small  meta-training on the one small set, meta-testing on those
                    alphabets of the other that the first does not have

Ink is 255 on 0. A tenth of the characters for meta-training, with all their
turns, is for validation.
"""

import pathlib
import re

import numpy as np

from pipeline.datasets import file_archive
from pipeline.datasets import image_resizing
from pipeline.datasets.few_shot import archive_images
from pipeline.datasets.few_shot import class_cuts
from pipeline.datasets.few_shot import class_images
from pipeline.datasets.few_shot import few_shot_data
from pipeline.datasets.sources import tfds_source

_FULL = ("images_background", "images_evaluation")
_SMALL = ("images_background_small1", "images_background_small2")
_TFDS_SPLITS = {_FULL: ("train", "test"), _SMALL: ("small1", "small2")}
_MEMBER = re.compile(
    r"(?:.*/)?(?P<alphabet>[^/]+)/(?P<character>character\d+)/"
    r"(?P<number>\d+)_\d+\.png"
)
_CHARACTERS = 1623
_TEST_CHARACTERS = 423
_VALIDATION_SHARE = 0.1
_TURNS = (0, 90, 180, 270)  # degrees, counter-clockwise
_URL = "https://github.com/brendenlake/omniglot/tree/master/python"


def load_omniglot(image_size, channels, data_dir, manual_dir, seed):
    """Loads the whole of Omniglot.

    Args:
        image_size: Int, height and width of the result in pixels; 28 in the
            paper.
        channels: 1, or 3 for three equal ones.
        data_dir: Where TFDS keeps prepared data; None for its own place.
        manual_dir: Folder of images_background and images_evaluation, zip
            files or unpacked; None to take TFDS's omniglot.
        seed: Int of at least 0 that decides which characters are for what.

    Returns:
        `FewShotData`: with their turns 4,320, 480 and 1,692 classes.

    Raises:
        FileNotFoundError: If data are not there, or a download failed.
        ValueError: If files are damaged or hold other than 1,623 characters.
    """
    first, second = _read(_FULL, image_size, channels, data_dir, manual_dir)
    whole = class_images.merge(first, second)
    if whole.classes != _CHARACTERS:
        raise ValueError(
            f"{' and '.join(_FULL)} must hold {_CHARACTERS:,} characters. "
            f"Received: {whole.classes:,}"
        )
    order = np.random.default_rng([seed, _CHARACTERS]).permutation(_CHARACTERS)
    test = whole.select(np.sort(order[:_TEST_CHARACTERS]))
    train = whole.select(np.sort(order[_TEST_CHARACTERS:]))
    return _finish(train, test, seed)


def load_omniglot_small(image_size, channels, data_dir, manual_dir, seed):
    """Loads Omniglot's two small sets, of five alphabets each.

    Args:
        image_size, channels, data_dir, seed: As for `load_omniglot`.
        manual_dir: Folder of images_background_small1 and
            images_background_small2, as for `load_omniglot`.

    Returns:
        `FewShotData`: 136 characters for training and validation, and 106 for
        the test, without Greek and Latin; each in four turns.

    Raises:
        FileNotFoundError, ValueError: As `load_omniglot`.
    """
    train, second = _read(_SMALL, image_size, channels, data_dir, manual_dir)
    known = {_alphabet(name) for name in train.class_names}
    other = [
        label
        for label, name in enumerate(second.class_names)
        if _alphabet(name) not in known
    ]
    return _finish(train, second.select(other), seed)


def _finish(train, test, seed):
    """Holds out validation characters and turns all images."""
    parts = class_cuts.hold_out_classes(train, _VALIDATION_SHARE, seed)
    return few_shot_data.FewShotData(
        *(add_turns(part) for part in (*parts, test))
    )


def add_turns(data):
    """Returns `ClassImages` with each class in four turns, side by side.

    Class 4 k + t of the result is class k turned by t times 90 degrees.

    Args:
        data: `ClassImages` of square images.
    """
    turns = range(len(_TURNS))
    images = [np.rot90(data.images, turn, axes=(1, 2)) for turn in turns]
    labels = [data.labels * len(_TURNS) + turn for turn in turns]
    names = [f"{name}/{turn}" for name in data.class_names for turn in _TURNS]
    return class_images.ClassImages(
        np.concatenate(images), np.concatenate(labels), tuple(names)
    )


def _alphabet(name):
    return name.partition("/")[0]


def _read(sets, image_size, channels, data_dir, manual_dir):
    """Returns two `ClassImages`, ink 255 on 0, whichever way they come."""
    if manual_dir is not None:
        folder = pathlib.Path(manual_dir).expanduser()
        archives = [_find(folder, name, sets) for name in sets]
        found = [_read_files(a, image_size, channels) for a in archives]
    else:
        found = _read_tfds(_TFDS_SPLITS[sets], image_size, channels, data_dir)
    return [_in_order(*part) for part in found]


def _find(folder, name, sets):
    """Returns the archive of one set."""
    for path in (folder / f"{name}.zip", folder / name):
        if path.exists():
            return file_archive.FileArchive(path)
    raise FileNotFoundError(
        f"`manual_dir` must hold {sets[0]} and {sets[1]} of Omniglot, as zip "
        f"files or unpacked folders. They are at {_URL}. "
        f"Received: no {name}.zip and no folder {name} in {folder}"
    )


def _read_files(archive, image_size, channels):
    """Returns `(images, numbers, {number: name})` of an upstream archive."""
    matches = [m for m in map(_MEMBER.fullmatch, archive.names) if m]
    if not matches:
        raise ValueError(
            f"{archive.path} must hold Omniglot's images, "
            "ALPHABET/characterNN/NNNN_NN.png. Received: none of them"
        )
    numbers = np.array([int(match["number"]) for match in matches])
    names = {
        int(match["number"]): f"{match['alphabet']}/{match['character']}"
        for match in matches
    }
    images = archive_images.read_images(
        archive, [match[0] for match in matches], image_size, channels
    )
    return images, numbers, names


def _read_tfds(splits, image_size, channels, data_dir):
    """Returns two `(images, numbers, {number: name})` from TFDS."""
    data = tfds_source.load_tfds(
        "omniglot", image_size, data_dir, None, splits=splits
    )
    names = {}
    for label, name in enumerate(data.class_names):
        alphabet, _, character = name.rpartition("_")  # from 0, as Greek_0
        names[label + 1] = f"{alphabet}/character{int(character) + 1:02d}"
    return [
        (
            image_resizing.resize_array(images, image_size, channels),
            labels + 1,
            names,
        )
        for images, labels in (
            (data.train_images, data.train_labels),
            (data.test_images, data.test_labels),
        )
    ]


def _in_order(images, numbers, names):
    """Returns `ClassImages`, black and white swapped.

    Characters come by their number in Omniglot, images of a character by their
    pixels: TFDS has an order of its own, and no one's episodes shall depend on
    where the data came from.
    """
    order = sorted(
        range(len(images)), key=lambda i: (numbers[i], images[i].tobytes())
    )
    known, labels = np.unique(numbers[order], return_inverse=True)
    return class_images.ClassImages(
        255 - images[order],
        labels.astype(np.int64),
        tuple(names[number] for number in known.tolist()),
    )
