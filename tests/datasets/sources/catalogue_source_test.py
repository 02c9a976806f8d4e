import dataclasses

import numpy as np
import pytest
import scipy.io
import tensorflow_datasets as tfds

from pipeline.datasets.sources import catalogue
from pipeline.datasets.sources.loading import load_images
from tests.datasets import fakes


@pytest.fixture
def shrink(monkeypatch):
    """Changes an entry of the catalogue for one test."""

    def change(name, **changes):
        entry = dataclasses.replace(catalogue.entry(name), **changes)
        monkeypatch.setattr(catalogue, "_PAPER", (entry,))
        return entry

    return change


@pytest.fixture
def download(monkeypatch):
    """Makes TFDS take this path for whatever it would download."""

    def use(path):
        for name in ("download", "download_and_extract"):
            monkeypatch.setattr(
                tfds.download.DownloadManager, name, lambda _, urls: path
            )

    return use


def _load(name, tmp_path, **changes):
    options = {"image_size": 16, "data_dir": tmp_path, **changes}
    return load_images(f"paper:{name}", **options)


class LoadPaperTest:
    @pytest.mark.parametrize("name", catalogue.names())
    def test_fake_of_each_set_is_loaded(
        self, name, tmp_path, monkeypatch, shrink
    ):
        entry = catalogue.entry(name)
        first = entry.first_per_class and 1
        classes, kept = entry.classes, first or 2
        splits = (entry.train_split, entry.test_split)
        entry = shrink(
            name,
            train_examples=kept * classes,
            test_examples=2 * classes,
            first_per_class=first,
        )
        fakes.fake_builder(monkeypatch, entry.tfds_name, classes, 2, splits)
        data = _load(name, tmp_path)
        assert data.train_images.shape == (kept * classes, 16, 16, 3)
        assert data.test_images.shape == (2 * classes, 16, 16, 3)
        assert data.train_images.dtype == np.uint8
        assert np.bincount(data.train_labels).tolist() == [kept] * classes
        assert np.bincount(data.test_labels).tolist() == [2] * classes
        assert len(data.class_names) == classes

    def test_further_splits_are_left_out(self, tmp_path, monkeypatch, shrink):
        entry = shrink("stl10", train_examples=10, test_examples=10)
        splits = ("unlabelled", "test", "train")
        fakes.fake_builder(monkeypatch, entry.tfds_name, 10, 1, splits)
        assert len(_load("stl10", tmp_path).train_labels) == 10

    def test_other_sizes_raise_with_both_numbers(self, tmp_path, monkeypatch):
        fakes.fake_builder(
            monkeypatch, "cifar10", 10, 3, splits=("train", "test")
        )
        message = (
            "paper:cifar10 must be the whole set: 50,000 training and 10,000 "
            "test images of 10 classes. Received: 30 training and 30 test "
            "images of 10 classes; tfds:cifar10"
        )
        with pytest.raises(ValueError, match=message):
            _load("cifar10", tmp_path)

    def test_other_classes_raise_with_both_numbers(
        self, tmp_path, monkeypatch, shrink
    ):
        shrink("cifar10", train_examples=14, test_examples=14)
        fakes.fake_builder(
            monkeypatch, "cifar10", 7, 2, splits=("train", "test")
        )
        with pytest.raises(ValueError, match="of 10 classes.*of 7 classes"):
            _load("cifar10", tmp_path)

    def test_random_choice_is_examples_per_class(
        self, tmp_path, monkeypatch, shrink
    ):
        shrink("cifar10", train_examples=80, test_examples=80)
        fakes.fake_builder(
            monkeypatch, "cifar10", 10, 8, splits=("train", "test")
        )
        first, again, other = (
            _load("cifar10", tmp_path, examples_per_class=3, seed=seed)
            for seed in (0, 0, 1)
        )
        assert np.bincount(first.train_labels).tolist() == [3] * 10
        assert first.digest() == again.digest() != other.digest()

    def test_unknown_name_raises(self, tmp_path):
        with pytest.raises(ValueError, match="mean s_cifar100.*'s-cifar100'"):
            _load("s-cifar100", tmp_path)


class FirstPerClassTest:
    """TFDS's own builders read files in which each image shows its number."""

    def test_s_cifar100_takes_the_first_of_the_original_file(
        self, tmp_path, download, shrink
    ):
        folder = tmp_path / "cifar-100-binary"
        folder.mkdir()
        fine = np.arange(240) * 7 % 100
        records = np.empty((240, 2 + 3072), np.uint8)
        records[:, 0], records[:, 1] = fine % 20, fine
        records[:, 2:] = np.arange(240)[:, None]
        for part in ("train", "test"):
            records.tofile(folder / f"{part}.bin")
        for kind, count in (("coarse", 20), ("fine", 100)):
            lines = [f"{kind} {number}" for number in range(count)]
            (folder / f"{kind}_label_names.txt").write_text("\n".join(lines))
        download(tmp_path)
        shrink(
            "s_cifar100",
            train_examples=200,
            test_examples=240,
            first_per_class=2,
        )
        data = _load("s_cifar100", tmp_path, image_size=32)
        numbers = data.train_images[:, 0, 0, 0]
        assert numbers.tolist() == list(range(200))  # each class comes in turn
        assert data.train_labels.tolist() == fine[:200].tolist()
        assert data.class_names[7] == "fine 7"

    def test_small_svhn_takes_the_first_of_the_original_file(
        self, tmp_path, download, shrink
    ):
        digits = np.random.default_rng(0).permutation(np.arange(60) % 10)
        images = np.empty((32, 32, 3, 60), np.uint8)
        images[...] = np.arange(60)
        values = {"X": images, "y": np.where(digits, digits, 10)[:, None]}
        scipy.io.savemat(tmp_path / "digits.mat", values)
        path = str(tmp_path / "digits.mat")
        download(dict.fromkeys(("train", "test", "extra"), path))
        shrink(
            "small_svhn", train_examples=30, test_examples=60, first_per_class=3
        )
        data = _load("small_svhn", tmp_path, image_size=32)
        seen, expected = np.zeros(10, int), []
        for number, digit in enumerate(digits):
            if seen[digit] < 3:
                expected.append(number)
            seen[digit] += 1
        assert data.train_images[:, 0, 0, 0].tolist() == expected
        np.testing.assert_array_equal(data.train_labels, digits[expected])


class LoadSubsetTest:
    @pytest.mark.parametrize("name", catalogue.subset_names())
    def test_file_in_the_manual_folder_is_read(self, name, tmp_path):
        generator = np.random.default_rng(0)
        images = generator.integers(0, 256, (4, 8, 8), np.uint8)
        np.savez(
            tmp_path / catalogue.subset_entry(name).file,
            train_images=images,
            train_labels=[0, 1, 0, 1],
            test_images=images[:2],
            test_labels=[0, 1],
            class_names=np.array(["cat", "dog"]),
        )
        data = load_images(
            f"subset:{name}", image_size=8, manual_dir=str(tmp_path)
        )
        np.testing.assert_array_equal(data.train_images[..., 1], images)

    def test_several_lie_side_by_side(self, tmp_path):
        for value, name in enumerate(("cars", "dogs"), 1):
            np.savez(
                tmp_path / catalogue.subset_entry(name).file,
                train_images=np.full((2 * value, 8, 8), value, np.uint8),
                train_labels=[0, 1] * value,
                test_images=np.full((2, 8, 8), 10 * value, np.uint8),
                test_labels=[1, 0],
                class_names=np.array([f"{name} 1", f"{name} 2"]),
            )
        data = load_images(
            "subset:dogs+cars", image_size=8, manual_dir=str(tmp_path)
        )
        names = ("dogs 1", "dogs 2", "cars 1", "cars 2")
        assert data.class_names == names
        assert data.train_labels.tolist() == [0, 1, 0, 1, 2, 3]
        assert data.train_images[:, 0, 0, 0].tolist() == [2, 2, 2, 2, 1, 1]
        assert data.test_labels.tolist() == [1, 0, 3, 2]
        assert data.test_images[:, 0, 0, 0].tolist() == [20, 20, 10, 10]

    def test_what_is_missing_is_named(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="dogs_subset_84.npz in"):
            load_images("subset:dogs", image_size=8, manual_dir=tmp_path)
        message = "cub200_2010_subset_84.npz as `manual_dir`. Received: none"
        with pytest.raises(FileNotFoundError, match=message):
            load_images("subset:cub2010", image_size=8)
        with pytest.raises(ValueError, match="must be one of cifar10, fash"):
            load_images("subset:none", image_size=8)

    @pytest.mark.parametrize("name", catalogue.subset_names())
    def test_real_file_has_the_classes_of_the_catalogue(
        self, name, shared_data
    ):
        entry = catalogue.subset_entry(name)
        data = load_images(
            f"subset:{name}",
            image_size=entry.image_size,
            manual_dir=shared_data,
            examples_per_class=16,
        )
        assert data.train_images.shape[1] == entry.image_size
        assert np.bincount(data.train_labels).tolist() == [16] * entry.classes
        assert len(set(data.test_labels)) == entry.classes
