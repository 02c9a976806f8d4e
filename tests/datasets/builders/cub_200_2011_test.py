import numpy as np
import pytest
import tensorflow as tf

from pipeline.datasets import image_resizing
from pipeline.datasets.sources.loading import load_images
from tests.datasets import fakes

_ROOT = "CUB_200_2011"
_NAMES = ("001.Black_footed_Albatross", "002.Sooty_Albatross", "003.Auklet")
_TRAIN = (1, 2, 4, 5, 6)  # numbers of the images to train on; 4 is gray
_TEST = (3, 7, 8)
_SPLIT = "train_test_split.txt"


@pytest.fixture
def files():
    """A miniature of the original: `{name: bytes}`, below the root."""
    files, lines = {}, {"images": "", "image_class_labels": ""}
    for number in (*_TRAIN, *_TEST):
        name = _NAMES[number % 3]
        path = f"{name}/{name[4:]}_{number:04d}.jpg"
        mode = "L" if number == 4 else "RGB"
        jpeg = fakes.draw_jpeg(number, (14 + number, 15), mode)
        files[f"images/{path}"] = jpeg
        lines["images"] += f"{number} {path}\n"
        lines["image_class_labels"] += f"{number} {number % 3 + 1}\n"
    splits = [f"{number} {int(number in _TRAIN)}" for number in range(1, 9)]
    lines["train_test_split"] = "\n".join(splits)  # in another order
    classes = [f"{number} {name}" for number, name in enumerate(_NAMES, 1)]
    lines["classes"] = "\r\n".join(classes) + "\r\n"
    lines["bounding_boxes"] = "1 60.0 27.0 325.0 304.0\n"
    files.update({f"{name}.txt": lines[name].encode() for name in lines})
    return files


@pytest.fixture
def load(tmp_path, files):
    """Writes the files as an archive or folder and loads them."""

    def write_and_load(name=f"{_ROOT}.tgz"):
        manual = tmp_path / "manual"
        manual.mkdir()
        if name == _ROOT:
            fakes.write_folder(manual / name, files)
        else:
            members = {f"{_ROOT}/{n}": files[n] for n in files}
            members["attributes.txt"] = b"1 has_bill_shape::curved\n"
            fakes.write_tar(manual / name, members)
        return load_images(
            "tfds:cub_200_2011",
            image_size=12,
            data_dir=tmp_path / "data",
            manual_dir=manual,
        )

    return write_and_load


class Cub2002011Test:
    @pytest.mark.parametrize("name", [f"{_ROOT}.tgz", _ROOT])
    def test_official_files_are_read(self, load, name):
        data = load(name)
        assert data.class_names == _NAMES
        assert np.bincount(data.train_labels).tolist() == [1, 2, 2]
        assert sorted(data.test_labels) == [0, 1, 2]

    def test_image_is_whole_and_has_its_label(self, load):
        data = load()
        image = tf.io.decode_jpeg(fakes.draw_jpeg(8, (22, 15)))
        expected = image_resizing.resize_array(image.numpy()[None], 12)
        test = data.test_images[data.test_labels == 2]
        np.testing.assert_array_equal(test, expected)


class Cub2002011ErrorTest:
    @pytest.mark.parametrize("folder", ["", "none"])
    def test_missing_archive_says_what_to_put_where(self, tmp_path, folder):
        (tmp_path / "other.zip").write_bytes(b"")
        with pytest.raises(FileNotFoundError, match=f"Put {_ROOT}.tgz"):
            load_images(
                "paper:cub",
                image_size=12,
                data_dir=tmp_path / "data",
                manual_dir=tmp_path / folder,
            )

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("classes.txt", None, "must hold the file classes.txt"),
            ("classes.txt", b"1 one\n", "at least 2 class names.*'1': 'one'"),
            ("classes.txt", b"1 one\n2 one\n", "at least 2 class .*'2': 'one'"),
            ("classes.txt", b"0 a\n1 b\n2 c\n", "numbered from 1.*'0': 'a'"),
            ("classes.txt", b"1 a\n2 b\n", "labels.txt must .*'2 3'"),
            ("images.txt", b" \n", "images.txt must have lines. Received: no"),
            ("images.txt", b"1 a/1.jpg\n", "8 images, 1 of them there"),
            ("images.txt", b"1 1.jpg\n1 2.jpg", "each once.*'1 2.jpg'"),
            ("image_class_labels.txt", b"1 \xff\n2\n", "number.*: '2'"),
            ("image_class_labels.txt", b"x 1\n", "must have a number.*'x 1'"),
            (_SPLIT, b"1 1\n2 0\n", "8 images of images.txt.*: 2 images, 2"),
        ],
    )
    def test_wrong_list_raises(self, load, files, name, content, message):
        files[name] = content
        if content is None:
            del files[name]
        with pytest.raises(ValueError, match=message):
            load()

    @pytest.mark.parametrize(
        ("name", "old", "new", "message"),
        [
            (_SPLIT, b"3 0", b"3 2", r"1 \(train\) or 0.*: '3 2'"),
            (_SPLIT, b" 0", b" 1", "images to test on.*: none"),
            ("images.txt", b"0005", b"0002", "another file.*0002.jpg'"),
        ],
    )
    def test_wrong_value_raises(self, load, files, name, old, new, message):
        files[name] = files[name].replace(old, new)
        with pytest.raises(ValueError, match=message):
            load()
