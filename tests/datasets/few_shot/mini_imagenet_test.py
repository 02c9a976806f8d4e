"""miniImageNet in miniature, and the real part of it."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline.datasets.few_shot import load_class_images
from tests.datasets import fakes

_CLASSES = {
    "train": ("n03", "n01"),
    "val": ("n05", "n06"),
    "test": ("n08", "n07"),
}


def _jpeg(wnid, index, size=(12, 12)):
    return fakes.draw_jpeg([int(wnid[1:]), index], size)


def _files(flat=False, size=(12, 12)):
    """`{name: bytes}`: three images of each class."""
    files = {}
    for part, wnids in _CLASSES.items():
        lines = ["filename,label"]
        for wnid in wnids:
            for index in range(3):
                name = f"{wnid}{index:08d}.jpg"
                name = name if flat else f"{wnid}/{name}"
                files[f"images/{name}"] = _jpeg(wnid, index, size)
                lines.append(f"{name},{wnid}")
        files[f"{part}.csv"] = "\r\n".join(lines).encode()
    return files


def _load(manual_dir, **changes):
    arguments = {"image_size": 12, "channels": 3, **changes}
    return load_class_images(
        "few_shot:mini_imagenet", manual_dir=manual_dir, **arguments
    )


class MiniImagenetTest:
    @pytest.mark.parametrize("flat", [False, True])
    @pytest.mark.parametrize("root", ["", "mini-imagenet/"])
    def test_zip_is_read(self, tmp_path, flat, root):
        files = {root + name: v for name, v in _files(flat).items()}
        fakes.write_zip(tmp_path / "Mini-ImageNet_84.zip", files)
        data = _load(tmp_path)
        assert data.train.class_names == ("n01", "n03")
        assert data.validation.class_names == ("n05", "n06")
        assert data.test.class_names == ("n07", "n08")
        for label, wnid in enumerate(("n07", "n08")):
            images = data.test.images[data.test.labels == label]
            for index, image in enumerate(images):
                expected = tf.io.decode_jpeg(
                    _jpeg(wnid, index), dct_method="INTEGER_ACCURATE"
                )
                np.testing.assert_allclose(image, expected, atol=2)

    def test_table_of_bare_names_and_folders(self, tmp_path):
        """The usual tables with images sorted into folders."""
        files = {
            name.replace("images/", f"images/{name[7:10]}/"): content
            for name, content in _files(flat=True).items()
        }
        fakes.write_folder(tmp_path / "miniImagenet", files)
        fakes.write_zip(tmp_path / "zip" / "miniimagenet.zip", _files())
        digest = _load(tmp_path / "zip").digest()
        assert _load(tmp_path).digest() == digest
        assert _load(tmp_path / "miniImagenet").digest() == digest  # itself

    def test_sizes_and_channels(self, tmp_path):
        files = _files(size=(20, 14))
        files["images/n01/n0100000001.jpg"] = _jpeg("n01", 1, (9, 30))
        fakes.write_zip(tmp_path / "mini-imagenet.zip", files)
        data = _load(tmp_path, image_size=8, channels=1)
        assert data.train.images.shape == (6, 8, 8, 1)
        assert np.bincount(data.train.labels).tolist() == [3, 3]

    @pytest.mark.long  # 6,000 images
    def test_real_part_is_read(self, shared_data):
        data = _load(shared_data, image_size=84)
        parts = (data.train, data.validation, data.test)
        assert [part.classes for part in parts] == [64, 16, 20]
        for part in parts:
            assert (np.bincount(part.labels) == 60).all()
            assert part.images.shape[1:] == (84, 84, 3)
            assert 90 < part.images.mean() < 130


class MiniImagenetErrorTest:
    def _load_with(self, tmp_path, **changed):
        files = {**_files(), **changed}
        files = {k: v for k, v in files.items() if v is not None}
        fakes.write_zip(tmp_path / "mini-imagenet.zip", files)
        return _load(tmp_path)

    @pytest.mark.parametrize("manual_dir", [None, "other"])
    def test_nothing_there_raises(self, tmp_path, manual_dir):
        manual_dir = manual_dir and tmp_path / manual_dir
        with pytest.raises(FileNotFoundError, match="Put a zip file or folder"):
            _load(manual_dir)

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("train.csv", None, "Received: no train.csv"),
            ("val.csv", None, "in one folder(.|\n)*Received: no val.csv"),
            ("val.csv", b"", "columns filename,label. Received: ''"),
            ("val.csv", b"file,label\na,b", "Received: 'file,label'"),
            ("val.csv", b"filename,label\n", "must list images"),
            ("val.csv", b"filename,label\na.jpg", "Received: 'a.jpg'"),
            ("val.csv", b"filename,label\na.jpg,n05", "a.jpg, which is not"),
            ("val.csv", b"filename,label\n\xff,n05", "in UTF-8"),
            ("images/n05/n0500000001.jpg", None, "n05/n0500000001.jpg, which"),
            ("images/n05/n0500000001.jpg", b"x", "1.jpg of .* complete image"),
        ],
    )
    def test_wrong_file_raises(self, tmp_path, name, content, message):
        with pytest.raises(ValueError, match=message):
            self._load_with(tmp_path, **{name: content})

    def test_class_in_two_parts_raises(self, tmp_path):
        table = _files()["train.csv"]
        with pytest.raises(ValueError, match="n01 in train and in test"):
            self._load_with(tmp_path, **{"test.csv": table})
