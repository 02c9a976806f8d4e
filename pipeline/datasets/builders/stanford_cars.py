"""TFDS builder of Stanford Cars, read from files put there by hand.

MetaPerturb (NeurIPS 2020), appendix C.2: 196 classes, 8,144 training and 8,041
test images. TFDS's own cars196 downloads from addresses that are gone
(tensorflow/datasets, issue 5656); this builder reads the official files,
archives or unpacked:

    cars_train/, or cars_train.tgz          split "train"
    cars_test/, or cars_test.tgz            split "test"
    devkit/, or car_devkit.tgz              cars_meta.mat, cars_train_annos.mat
    cars_test_annos_withlabels.mat          there or in devkit

Bounding boxes are left out: the paper does not crop to them.
"""

import io
import numbers
import struct
import zlib

import numpy as np

from mp_keras import given_files
from pipeline.datasets.builders import jpeg_images
from pipeline.datasets.builders import manual_files

_DESCRIPTION = """\
Stanford Cars: photographs of 196 makes, models and years of cars, of many
sizes. Labels are in the order of cars_meta.mat.
"""
_CITATION = """\
@inproceedings{krause2013collecting,
  author = {Krause, Jonathan and Stark, Michael and Deng, Jia and Fei-Fei, Li},
  title = {3D Object Representations for Fine-Grained Categorization},
  booktitle = {4th International IEEE Workshop on 3D Representation and
               Recognition},
  year = {2013}
}
"""
INSTRUCTIONS = """\
Put the official files of Stanford Cars into this folder, as archives or
unpacked: cars_train.tgz (cars_train), cars_test.tgz (cars_test),
car_devkit.tgz (devkit) and cars_test_annos_withlabels.mat.
"""
_TEST_LABELS = "cars_test_annos_withlabels.mat"


def read_mat(name, content):
    """Returns the variables of a MATLAB file as plain Python and NumPy values.

    Args:
        name: Str, named in the message.
        content: Bytes of the file.

    Raises:
        ValueError: If it is no complete MATLAB file up to version 7.
    """
    import scipy.io  # here: needed only to generate

    try:
        return scipy.io.loadmat(io.BytesIO(content), simplify_cells=True)
    except (
        scipy.io.matlab.MatReadError,
        zlib.error,
        struct.error,
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        NotImplementedError,
        OSError,
        TypeError,
        ValueError,
    ) as error:
        raise ValueError(
            f"{name} must be a complete MATLAB file, version 7 or earlier. "
            f"Received: {error or type(error).__name__}"
        ) from error


def read_class_names(name, content):
    """Returns the class names of cars_meta.mat, a list of str."""
    names = read_mat(name, content).get("class_names")
    names = np.atleast_1d([] if names is None else names).tolist()
    if len(names) < 2 or not all(isinstance(one, str) for one in names):
        raise ValueError(
            f"{name} must hold class_names, at least 2 strings. "
            f"Received: {names}"
        )
    return names


def read_annotations(name, content, classes):
    """Returns `{file name: label}`, labels from 0.

    Args:
        name: Str, named in the messages.
        content: Bytes of a MATLAB file with the records `annotations`, which
            have a `class` from 1 and a file name `fname`.
        classes: Int, the number of classes.

    Raises:
        ValueError: If the file is damaged or has something else.
    """
    records = read_mat(name, content).get("annotations", [])
    records = records if isinstance(records, (list, np.ndarray)) else [records]
    labels = {}
    for record in records:
        fields = record if isinstance(record, dict) else {}
        number, file = fields.get("class"), fields.get("fname")
        if (
            not isinstance(number, numbers.Integral)
            or not 1 <= number <= classes
            or not isinstance(file, str)
        ):
            raise ValueError(
                f"Each record of {name} must have a `class` from 1 to "
                f"{classes} and a file name `fname`. Received: {record}"
            )
        labels[file] = int(number) - 1
    if not labels:
        raise ValueError(f"{name} must hold annotations. Received: none")
    return labels


class StanfordCars(jpeg_images.JpegBuilder):
    """Stanford Cars: splits "train" and "test".

    Features: `image`, uint8 `(height, width, 3)`; `label`, named by make,
    model and year; `file_name`.
    """

    DESCRIPTION = _DESCRIPTION
    CITATION = _CITATION
    MANUAL_DOWNLOAD_INSTRUCTIONS = INSTRUCTIONS

    def _split_generators(self, dl_manager):
        folder = manual_files.manual_folder(dl_manager)
        parts = {
            part: manual_files.find(folder, names, INSTRUCTIONS)
            for part, names in {
                "devkit": ("devkit", "car_devkit.tgz"),
                "train": ("cars_train", "cars_train.tgz"),
                "test": ("cars_test", "cars_test.tgz"),
            }.items()
        }
        wanted = ["cars_meta.mat", "cars_train_annos.mat"]
        beside = folder / _TEST_LABELS
        if not beside.is_file():
            wanted.append(_TEST_LABELS)
        files = dict(manual_files.read_files(parts["devkit"], wanted))
        if beside.is_file():
            files[_TEST_LABELS] = given_files.read(
                beside, given_files.DATA_BYTES
            )
        names = read_class_names("cars_meta.mat", files["cars_meta.mat"])
        train, test = (
            read_annotations(name, files[name], len(names))
            for name in ("cars_train_annos.mat", _TEST_LABELS)
        )
        self.info.features["label"].names = names
        return {
            "train": self._generate_examples(parts["train"], train),
            "test": self._generate_examples(parts["test"], test),
        }
