import dataclasses

import numpy as np
import pytest
from absl import logging
from PIL import Image

from pipeline.datasets import image_resizing
from pipeline.datasets.sources import folder_source
from pipeline.datasets.sources.loading import load_images


def _write(path, value=0, mode="RGB", size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, value).convert(mode).save(path)


@pytest.fixture
def plain(tmp_path):
    """Two classes of five images, without train and test."""
    for label, name in enumerate(("cat", "dog")):
        for index in range(5):
            _write(tmp_path / name / f"{index}.png", 100 * label + index)
    return tmp_path


@pytest.fixture
def cut(tmp_path):
    """Three classes in train, two of them in test."""
    for label, name in enumerate(("ant", "bee", "cow")):
        _write(tmp_path / "train" / name / "a.png", 10 * label)
        if label:
            _write(tmp_path / "test" / name / "b.png", 10 * label + 1)
    return tmp_path


@pytest.fixture
def log(monkeypatch):
    """The lines that are logged."""
    lines = []
    monkeypatch.setattr(
        logging,
        "warning",
        lambda text, *values: lines.append(text % values),
    )
    return lines


def _load(path, **changes):
    return load_images(f"folder:{path}", **{"image_size": 8, **changes})


class LoadFolderTest:
    def test_plain_folder_is_cut_by_class(self, plain):
        data = _load(plain, test_fraction=0.4)
        assert data.class_names == ("cat", "dog")
        assert np.bincount(data.train_labels).tolist() == [3, 3]
        assert np.bincount(data.test_labels).tolist() == [2, 2]
        train = data.train_images[:, 0, 0, 0].tolist()
        test = data.test_images[:, 0, 0, 0].tolist()
        everything = [*range(5), *range(100, 105)]
        assert sorted(train + test) == everything
        assert train == sorted(train)
        assert (data.train_images[:, 0, 0, 0] // 100 == data.train_labels).all()

    def test_seed_decides_the_cut(self, plain):
        digests = {_load(plain, seed=s).digest() for s in (0, 0, 1, 2, 3)}
        assert len(digests) > 1
        assert _load(plain).digest() == _load(plain).digest()

    def test_train_and_test_folders_are_used(self, cut):
        data = _load(cut)
        assert data.class_names == ("ant", "bee", "cow")
        assert data.train_labels.tolist() == [0, 1, 2]
        assert data.test_labels.tolist() == [1, 2]
        assert data.test_images[:, 0, 0, 0].tolist() == [11, 21]

    def test_class_may_be_called_train(self, plain):
        _write(plain / "train" / "a.png")
        _write(plain / "train" / "b.png")
        assert _load(plain).class_names == ("cat", "dog", "train")

    @pytest.mark.parametrize(
        "name",
        [
            "x.jpg",
            "x.JPEG",
            "x.jfif",
            "x.bmp",
            "x.GIF",
            "x.webp",
            "x.tif",
            "x.TIFF",
        ],
    )
    def test_formats_are_read(self, plain, name):
        _write(plain / "cat" / name, 50)
        data = _load(plain)
        images = np.concatenate([data.train_images, data.test_images])
        assert len(images) == 11
        assert (abs(images.astype(int) - 50).max(axis=(1, 2, 3)) <= 2).any()

    @pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "CMYK"])
    def test_modes_become_colour(self, tmp_path, mode):
        suffix = "tif" if mode == "CMYK" else "png"
        for name in ("a", "b"):
            for index in range(2):
                path = tmp_path / name / f"{index}.{suffix}"
                _write(path, 255, mode)
        data = _load(tmp_path, keep_repeated=True)
        assert data.train_images.shape == (2, 8, 8, 3)
        assert (data.train_images == 255).all()

    def test_images_below_the_class_folder_count(self, plain):
        _write(plain / "cat" / "images" / "deep.png", 50)
        data = _load(plain)
        assert len(data.train_labels) + len(data.test_labels) == 11

    def test_hidden_and_other_files_are_ignored(self, plain):
        expected = _load(plain).digest()
        (plain / "cat" / "notes.txt").write_text("no image")
        (plain / "cat" / ".hidden.png").write_text("no image")
        (plain / ".cache" / "x").mkdir(parents=True)
        (plain / "readme.png").write_text("no image")
        assert _load(plain).digest() == expected

    def test_sizes_are_brought_to_one(self, plain):
        generator = np.random.default_rng(0)
        pixels = generator.integers(0, 256, (17, 30, 3), np.uint8)
        for file in (plain / "dog").iterdir():
            Image.fromarray(pixels).save(file)
        expected = image_resizing.resize_array(pixels[None], 8)[0]
        np.testing.assert_array_equal(_load(plain).train_images[-1], expected)

    def test_folder_without_classes_raises(self, tmp_path):
        with pytest.raises(ValueError, match="one folder per class"):
            _load(tmp_path)

    def test_empty_class_raises(self, plain):
        (plain / "eel").mkdir()
        with pytest.raises(ValueError, match="eel must hold at least one"):
            _load(plain)

    def test_single_image_raises(self, plain):
        _write(plain / "eel" / "a.png")
        with pytest.raises(ValueError, match="Class eel .* at least 2.*: 1"):
            _load(plain)

    def test_single_class_raises(self, plain):
        for file in (plain / "dog").iterdir():
            file.unlink()
        (plain / "dog").rmdir()
        with pytest.raises(ValueError, match=r"2 classes. Received: \['cat'\]"):
            _load(plain)

    def test_train_without_test_raises(self, cut):
        (cut / "test").rename(cut / "other")
        hint = f"folder:{cut / 'train'}.*Received: other, train"
        with pytest.raises(ValueError, match=f"`test` or `val` next .*{hint}"):
            _load(cut)

    @pytest.mark.parametrize("name", ["val", "Valid", "validation"])
    def test_validation_part_is_the_test_part_if_alone(self, cut, name, log):
        expected = _load(cut)
        (cut / "test").rename(cut / name)
        data = _load(cut)
        assert data.digest() == expected.digest()
        assert data.validation is None
        assert "its validation part is the test part" in log[-1]

    def test_validation_part_beside_a_test_part(self, cut, log):
        expected = _load(cut)
        _write(cut / "val" / "bee" / "c.png", 77)
        data = _load(cut)
        assert data.digest() != expected.digest()
        alone = dataclasses.replace(data, validation=None)
        assert alone.digest() == expected.digest()
        images, labels = data.validation
        assert (images[:, 0, 0, 0].tolist(), labels.tolist()) == ([77], [1])
        assert list(data.record["validation"]) == ["val/bee/c.png"]
        again = _load(cut, noted=data.record)
        assert again.validation[1].tolist() == [1]
        assert log == []

    @pytest.mark.parametrize(
        "names",
        [
            ("train", "test"),  # with images, not classes, in them
            ("valid", "validation"),
        ],
    )
    def test_classes_called_like_parts_raise(self, tmp_path, names):
        for name in names:
            for index in range(2):
                inside = "" if name == "train" else "cat"
                _write(tmp_path / name / inside / f"{index}.png")
        received = ", ".join(sorted(names))
        with pytest.raises(
            ValueError, match=f"called `train` and `test`.*: {received}$"
        ):
            _load(tmp_path)

    def test_some_classes_may_be_called_like_parts(self, plain):
        for name in ("Train", "testing"):
            _write(plain / name / "a.png")
            _write(plain / name / "b.png")
        names = ("Train", "cat", "dog", "testing")
        assert _load(plain).class_names == names

    def test_folder_beside_train_and_test_is_logged(self, cut, log):
        expected = _load(cut).digest()
        assert log == []
        _write(cut / "extra" / "ant" / "a.png")
        assert _load(cut).digest() == expected
        (line,) = log
        assert line == (
            f"{cut}: only `train` and `test` are read. Ignored: extra"
        )

    @pytest.mark.parametrize(
        "names", [("Train", "Test"), ("training", "testing"), ("TRAIN", "val")]
    )
    def test_parts_have_several_names(self, cut, names):
        expected = _load(cut).digest()
        for name, other in zip(("train", "test"), names):
            (cut / name).rename(cut / "moved")
            (cut / "moved").rename(cut / other)
        assert _load(cut).digest() == expected

    def test_skipped_suffixes_are_logged(self, plain, log):
        expected = _load(plain).digest()
        assert log == []
        for name in ("a.heic", "b.HEIC", "deep/c.heic", "d.txt", "e"):
            (plain / "cat" / name).parent.mkdir(exist_ok=True)
            (plain / "cat" / name).touch()
        (plain / "dog" / "d.txt").touch()
        assert _load(plain).digest() == expected
        (line,) = log
        assert line == (
            f"{plain}: left out 6 that are no images of a class: "
            "3 x .heic, 2 x .txt, 1 x no suffix"
        )

    def test_all_bad_files_are_listed_at_once(self, plain):
        _load(plain)
        for name in ("cat/0.png", "dog/1.png"):
            assert (plain / name).exists()
            (plain / name).write_bytes(b"no image")
        with pytest.raises(ValueError, match="2 of .* cannot be read") as error:
            folder_source.read_images(sorted(plain.rglob("*.png")), 8)
        lines = str(error.value).splitlines()
        assert len(lines) == 3
        assert lines[1].startswith(f"  {plain / 'cat' / '0.png'} must be a co")
        assert lines[2].startswith(f"  {plain / 'dog' / '1.png'} must be a co")

    def test_many_skipped_suffixes_are_cut(self, plain, log):
        for number in range(9):
            (plain / "cat" / f"a.{number}").touch()
        _load(plain)
        assert log[0].endswith("1 x .3, 1 x .4, ...")

    def test_class_of_skipped_files_raises(self, plain):
        (plain / "eel").mkdir()
        (plain / "eel" / "a.heic").touch()
        with pytest.raises(ValueError, match="eel must.*Received: 1 x .heic"):
            _load(plain)

    def test_class_in_test_only_raises(self, cut):
        _write(cut / "test" / "dog" / "a.png")
        with pytest.raises(ValueError, match="test only: dog"):
            _load(cut)


class LoadWholeTest:
    names = ("ant", "bee", "cow")

    def load(self, kind, path):
        images, labels, files, digests = folder_source.load_whole(
            kind, path, 8, self.names
        )
        assert len(digests) == len(images)
        return images[:, 0, 0, 0].tolist(), labels.tolist(), files

    @pytest.mark.parametrize(
        ("lines", "found"),
        [
            (["a,cow"], ([0], [2], ("x/a.png",))),
            (["b,cow", "a,bee"], ([0, 9], [1, 2], ("x/a.png", "x/b.png"))),
            (
                ["id,y,split", "a,dog,train", "b,bee,test"],
                ([9], [1], ("x/b.png",)),
            ),
            (["id,y,split", "b,cow,val"], ([9], [2], ("x/b.png",))),
        ],
    )
    def test_table(self, tmp_path, lines, found):
        _write(tmp_path / "x" / "a.png")
        _write(tmp_path / "x" / "b.png", 9)
        (tmp_path / "x.csv").write_text("\n".join(lines))
        assert self.load("csv", tmp_path / "x.csv") == found

    @pytest.mark.parametrize(
        ("lines", "message"),
        [
            (["a,dog"], "alone: ant, bee, cow. Received: dog"),
            (["id,y,set", "a,bee,test", "b,dog,test"], "cow. Received: dog"),
            (["id,y,set", "a,bee,train"], "say test, or val.*: train alone"),
        ],
    )
    def test_bad_table_raises(self, tmp_path, lines, message):
        _write(tmp_path / "x" / "a.png")
        _write(tmp_path / "x" / "b.png")
        (tmp_path / "x.csv").write_text("\n".join(lines))
        with pytest.raises(ValueError, match=f"x.csv must .*{message}$"):
            self.load("csv", tmp_path / "x.csv")

    def test_folder_of_one_image(self, tmp_path):
        _write(tmp_path / "bee" / "a.png", 5)
        found = self.load("folder", tmp_path)
        assert found == ([5], [1], ("bee/a.png",))

    @pytest.mark.parametrize("part", ["test", "Val"])
    def test_part_of_a_folder(self, tmp_path, part):
        _write(tmp_path / "train" / "dog" / "a.png")
        _write(tmp_path / part / "cow" / "b.png", 5)
        found = self.load("folder", tmp_path)
        assert found == ([5], [2], (f"{part}/cow/b.png",))
        _write(tmp_path / part / "dog" / "b.png")
        with pytest.raises(ValueError, match="ant, bee, cow. Received: dog"):
            self.load("folder", tmp_path)
