import io
import shutil

import numpy as np
import pytest
import scipy.io
import tensorflow as tf

from pipeline.datasets import image_resizing
from pipeline.datasets.sources.loading import load_images
from tests.datasets import fakes

_NAMES = ("Audi S4 2007", "BMW M3 2012", "Ram C/V Van 2012")
_LABELS = "cars_test_annos_withlabels.mat"
_TRAIN = "cars_train_annos.mat"


def _mat(**values):
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, values)
    return buffer.getvalue()


def _annotations(classes):
    """MATLAB records as the official files have them, classes from 1."""
    fields = [(name, object) for name in ("bbox_x1", "class", "fname")]
    records = np.zeros((1, len(classes)), fields)
    for index, number in enumerate(classes):
        records[0, index] = 9, np.uint8(number), f"{index + 1:05d}.jpg"
    return _mat(annotations=records)


def _images(folder, numbers):
    """Images of many sizes; the second of each folder is gray."""
    return {
        f"{folder}/{n + 1:05d}.jpg": fakes.draw_jpeg(
            n, size=(20 + n, 15), mode="L" if n == 1 else "RGB"
        )
        for n in numbers
    }


@pytest.fixture
def parts():
    """The official files: `{archive: {member: bytes}}`."""
    return {
        "cars_train.tgz": _images("cars_train", range(5)),
        "cars_test.tgz": _images("cars_test", range(3)),
        "car_devkit.tgz": {
            "devkit/cars_meta.mat": _mat(
                class_names=np.array([_NAMES], dtype=object)
            ),
            f"devkit/{_TRAIN}": _annotations([1, 2, 3, 1, 2]),
            "devkit/cars_test_annos.mat": _annotations([1, 1, 1]),
        },
        _LABELS: _annotations([2, 3, 1]),
    }


@pytest.fixture
def load(tmp_path, parts):
    """Writes the files, packed or not, and loads them."""

    def write_and_load(packed=True, image_size=12):
        manual = tmp_path / "manual"
        manual.mkdir(exist_ok=True)
        for name, content in parts.items():
            if isinstance(content, bytes):
                (manual / name).write_bytes(content)
            elif packed:
                fakes.write_tar(manual / name, content)
            else:
                fakes.write_folder(manual, content)
        return load_images(
            "tfds:stanford_cars",
            image_size=image_size,
            data_dir=tmp_path / "data",
            manual_dir=manual,
        )

    return write_and_load


class StanfordCarsTest:
    @pytest.mark.parametrize("packed", [True, False])
    def test_official_files_are_read(self, load, packed):
        data = load(packed)
        assert data.class_names == _NAMES
        assert np.bincount(data.train_labels).tolist() == [2, 2, 1]
        assert sorted(data.test_labels) == [0, 1, 2]
        image = tf.io.decode_jpeg(fakes.draw_jpeg(2, size=(22, 15)))
        expected = image_resizing.resize_array(image.numpy()[None], 12)
        test = data.test_images[data.test_labels == 0]  # the third file
        np.testing.assert_array_equal(test, expected)

    def test_labels_may_lie_in_the_devkit(self, load, parts):
        labels = parts.pop(_LABELS)
        parts["car_devkit.tgz"][f"devkit/{_LABELS}"] = labels
        assert sorted(load().test_labels) == [0, 1, 2]

    def test_gray_images_have_three_equal_channels(self, load):
        images = load().train_images.astype(int)
        gray = abs(images - images[..., :1]).max(axis=(1, 2, 3)) == 0
        assert gray.sum() == 1


class StanfordCarsErrorTest:
    @pytest.mark.parametrize("name", ["cars_train.tgz", "cars_test.tgz"])
    def test_missing_part_says_what_to_put_where(self, load, parts, name):
        del parts[name]
        stem = name.removesuffix(".tgz")
        message = f"{stem} or {name} must be in .*manual. Put the official"
        with pytest.raises(FileNotFoundError, match=message):
            load()

    def test_missing_folder_says_what_to_put_where(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="cars_train.tgz"):
            load_images(
                "paper:cars",
                image_size=12,
                data_dir=tmp_path,
                manual_dir=tmp_path / "none",
            )

    def test_missing_labels_raise(self, load, parts):
        del parts[_LABELS]
        with pytest.raises(ValueError, match=f"must hold the file {_LABELS}"):
            load()

    @pytest.mark.parametrize(
        ("file", "content", "message"),
        [
            ("cars_meta.mat", b"MATLAB 5.0", "a complete MATLAB file"),
            ("cars_meta.mat", _annotations([1, 2])[:300], "a complete MATLAB"),
            ("cars_meta.mat", _mat(x=1), "class_names, at least 2 strings"),
            (_TRAIN, _mat(x=1), "must hold annotations. Received: none"),
            (
                _TRAIN,
                _mat(annotations=[1.0, 2.0]),
                "have a `class`.*Received: 1",
            ),
            (_TRAIN, _annotations([1, 4]), "from 1 to 3.*'class': 4"),
            (_TRAIN, _annotations([0, 1]), "from 1 to 3.*'class': 0"),
        ],
    )
    def test_wrong_devkit_raises(self, load, parts, file, content, message):
        parts["car_devkit.tgz"][f"devkit/{file}"] = content
        with pytest.raises(ValueError, match=f"{file}.*{message}"):
            load()

    def test_failure_leaves_nothing_prepared(self, load, parts, tmp_path):
        good = parts["cars_test.tgz"]["cars_test/00001.jpg"]
        parts["cars_test.tgz"]["cars_test/00001.jpg"] = good[:100]
        with pytest.raises(ValueError, match="00001.jpg"):
            load()
        parts["cars_test.tgz"]["cars_test/00001.jpg"] = good
        shutil.rmtree(tmp_path / "manual")
        assert len(load().test_labels) == 3
