import fsspec
import numpy as np
import pytest

from pipeline.datasets.sources.loading import load_images


@pytest.fixture
def source(tmp_path):
    generator = np.random.default_rng(0)
    path = tmp_path / "data.npz"
    np.savez(
        path,
        train_images=generator.integers(0, 256, (20, 8, 8), np.uint8),
        train_labels=np.arange(20) % 2,
        test_images=generator.integers(0, 256, (4, 8, 8), np.uint8),
        test_labels=np.arange(4) % 2,
        class_names=np.array(["cat", "dog"]),
    )
    return f"npz:{path}"


class LoadImagesTest:
    @pytest.mark.parametrize(
        "wrong", ["cifar10", "http://x", "npz:", "", None, "Folder:/x"]
    )
    def test_unknown_prefix_raises(self, wrong):
        with pytest.raises(ValueError, match="npz:PATH or tfrecord:PATH"):
            load_images(wrong, image_size=8)

    def test_examples_per_class_keeps_a_balanced_subset(self, source):
        whole = load_images(source, image_size=8)
        some = load_images(source, image_size=8, examples_per_class=3)
        assert np.bincount(some.train_labels).tolist() == [3, 3]
        assert len(some.test_labels) == len(whole.test_labels)
        known = {
            (image.tobytes(), label)
            for image, label in zip(whole.train_images, whole.train_labels)
        }
        for image, label in zip(some.train_images, some.train_labels):
            assert (image.tobytes(), label) in known

    def test_file_in_a_store(self, source):
        uri = "memory://sources_test/data.npz"
        with open(source.removeprefix("npz:"), "rb") as file:
            with fsspec.open(uri, "wb") as stored:
                stored.write(file.read())
        there = load_images(f"npz:{uri}", image_size=8)
        assert there.digest() == load_images(source, image_size=8).digest()

    def test_nothing_in_the_store(self):
        with pytest.raises(FileNotFoundError, match="memory://sources_test/no"):
            load_images("npz:memory://sources_test/no.npz", image_size=8)

    def test_manual_dir_in_a_store(self, source):
        with open(source.removeprefix("npz:"), "rb") as file:
            with fsspec.open("memory://manual/none.npz", "wb") as stored:
                stored.write(file.read())
        with pytest.raises(FileNotFoundError, match="cars_subset"):
            load_images(
                "subset:cars", image_size=8, manual_dir="memory://manual"
            )

    def test_seed_decides_the_subset(self, source):
        first, again, other = (
            load_images(source, image_size=8, examples_per_class=3, seed=seed)
            for seed in (0, 0, 1)
        )
        assert first.digest() == again.digest() != other.digest()

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"image_size": 0}, "Received: image_size=0"),
            ({"image_size": 8.0}, "Received: image_size=8.0"),
            ({"test_fraction": 1}, "Received: test_fraction=1"),
            ({"seed": -1}, "Received: seed=-1"),
            ({"examples_per_class": 0}, "Received: examples_per_class=0"),
            ({"examples_per_class": 11}, "class 0 has 10"),
        ],
    )
    def test_wrong_argument_raises(self, source, changes, message):
        with pytest.raises(ValueError, match=message):
            load_images(source, **{"image_size": 8, **changes})
