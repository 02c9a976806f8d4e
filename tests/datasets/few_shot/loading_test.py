"""Few-shot data by name, from sources that need no download."""

import fsspec
import numpy as np
import pytest

from pipeline.datasets.builders import glyphs
from pipeline.datasets.few_shot import load_class_images


def _load(source, **changes):
    return load_class_images(
        source, **{"image_size": 8, "channels": 1, **changes}
    )


@pytest.fixture
def npz(tmp_path):
    """The path of a file with 10 classes of 3 + 1 images, and a name more."""
    generator = np.random.default_rng(0)
    path = tmp_path / "data.npz"
    np.savez(
        path,
        train_images=generator.integers(0, 256, (30, 8, 8, 3), np.uint8),
        train_labels=np.arange(30) % 10,
        test_images=generator.integers(0, 256, (10, 8, 8, 3), np.uint8),
        test_labels=np.arange(10),
        class_names=np.array([f"class {label}" for label in range(11)]),
    )
    return path


class LoadClassImagesTest:
    def test_all_images_are_cut_by_classes(self, npz):
        data = _load(f"npz:{npz}", channels=3)
        parts = (data.train, data.validation, data.test)
        assert [part.classes for part in parts] == [6, 2, 2]
        arrays = np.load(npz)
        expected = {
            (image.tobytes(), f"class {label}")
            for part in ("train", "test")
            for image, label in zip(
                arrays[f"{part}_images"], arrays[f"{part}_labels"]
            )
        }
        received = {
            (image.tobytes(), part.class_names[label])
            for part in parts
            for image, label in zip(part.images, part.labels)
        }
        assert received == expected

    def test_file_in_a_store(self, npz):
        uri = "memory://few_shot_sources_test/data.npz"
        with fsspec.open(uri, "wb") as stored:
            stored.write(npz.read_bytes())
        expected = _load(f"npz:{npz}").digest()
        assert _load(f"npz:{uri}").digest() == expected

    def test_manual_dir_in_a_store(self):
        fsspec.filesystem("memory").pipe("/few_shot_manual/readme.txt", b"")
        with pytest.raises(FileNotFoundError, match="no images_background_sm"):
            _load(
                "few_shot:omniglot_small",
                manual_dir="memory://few_shot_manual",
            )

    def test_glyphs_need_no_download(self, tmp_path, monkeypatch):
        monkeypatch.setattr(glyphs, "_SPLITS", {"train": 2, "test": 1})
        monkeypatch.setattr(glyphs, "LETTERS", glyphs.LETTERS[:10])
        data = _load("tfds:glyphs", image_size=28, data_dir=tmp_path)
        assert data.train.images.shape == (18, 28, 28, 1)
        assert "latin_capital_letter_a" in {
            *data.train_and_validation().class_names,
            *data.test.class_names,
        }

    def test_digits_need_no_download(self, tmp_path):
        data = _load("tfds:digits", data_dir=tmp_path)
        parts = (data.train, data.validation, data.test)
        assert sum(len(part.images) for part in parts) == 1797
        assert sum(part.classes for part in parts) == 10

    @pytest.mark.parametrize(
        "wrong", ["omniglot", "few_shot:cub", "few_shot:", "npz:", "", None]
    )
    def test_unknown_source_raises(self, wrong):
        with pytest.raises(ValueError, match="one of omniglot, omniglot_small"):
            _load(wrong)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"image_size": 0}, "Received: image_size=0"),
            ({"channels": 2}, "must be 1 or 3. Received: channels=2"),
            ({"seed": -1}, "Received: seed=-1"),
        ],
    )
    def test_wrong_argument_raises(self, npz, changes, message):
        with pytest.raises(ValueError, match=message):
            _load(f"npz:{npz}", **changes)
