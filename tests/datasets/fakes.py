"""Tiny stand-ins for TensorFlow data sets and for files put there by hand."""

import io
import tarfile
import zipfile

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image


def draw_jpeg(seed, size=(12, 30), mode="RGB"):
    """Returns the bytes of a small JPEG of random pixels; `size` is (w, h)."""
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    image = Image.fromarray(pixels).resize(size).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def write_tar(path, files, mode="w:gz"):
    """Writes `{name: bytes}` into a tar archive."""
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def write_zip(path, files):
    """Writes `{name: bytes}` into a zip file; makes the folder it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def write_folder(path, files):
    """Writes `{name: bytes}` below a folder."""
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)


def fake_builder(monkeypatch, name, classes, examples, splits):
    """Makes a TensorFlow data set generate random images of its own features.

    Args:
        monkeypatch: The fixture.
        name: Name of the data set.
        classes: Int, its number of classes.
        examples: Int, images of each class and split.
        splits: Names of its splits.
    """

    def generate(features, split):
        for index in range(classes * examples):
            values = {
                key: _value(feature, index, index % classes)
                for key, feature in features.items()
            }
            yield f"{split}{index}", values

    def split_generators(self, dl_manager):
        label = self.info.features["label"]
        if label.num_classes is None:
            label.names = [f"class {number}" for number in range(classes)]
        features = self.info.features
        return {split: generate(features, split) for split in splits}

    builder_class = type(tfds.builder(name))
    monkeypatch.setattr(builder_class, "_split_generators", split_generators)


def _value(feature, index, label):
    if isinstance(feature, tfds.features.Image):
        sides = (9 + index % 5, 15 - index % 4, 3)
        shape = [side or other for side, other in zip(feature.shape, sides)]
        return np.random.default_rng(index).integers(0, 256, shape, np.uint8)
    if isinstance(feature, tfds.features.ClassLabel):
        return label % feature.num_classes
    if isinstance(feature, tfds.features.Sequence):
        return []
    return f"{index:05d}"
