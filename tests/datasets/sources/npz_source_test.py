import numpy as np
import pytest

from pipeline.datasets.sources.loading import load_images


@pytest.fixture
def arrays():
    generator = np.random.default_rng(0)
    return {
        "train_images": generator.integers(0, 256, (6, 8, 8, 3), np.uint8),
        "train_labels": np.array([0, 1, 0, 1, 0, 1]),
        "test_images": generator.integers(0, 256, (2, 8, 8, 3), np.uint8),
        "test_labels": np.array([0, 1], np.uint8),
        "class_names": np.array(["cat", "dog"]),
    }


@pytest.fixture
def load(tmp_path, arrays):
    """Writes the arrays, with changes (None removes), and loads them."""

    def write_and_load(**changes):
        path = tmp_path / "data.npz"
        changed = {**arrays, **changes}
        np.savez(path, **{k: v for k, v in changed.items() if v is not None})
        return load_images(f"npz:{path}", image_size=8)

    return write_and_load


class LoadNpzTest:
    def test_arrays_are_kept(self, load, arrays):
        data = load()
        for name in ("train_images", "train_labels", "test_images"):
            np.testing.assert_array_equal(getattr(data, name), arrays[name])
        assert data.train_images.dtype == np.uint8
        assert data.test_labels.dtype == np.int64
        assert data.class_names == ("cat", "dog")

    def test_validation_part_is_read_and_counts(self, load, arrays):
        held = {
            "validation_images": arrays["train_images"][:3] // 2,
            "validation_labels": np.array([1, 0, 1]),
        }
        data = load(**held)
        for actual, expected in zip(data.validation, held.values()):
            np.testing.assert_array_equal(actual, expected)
        assert len(data.train_labels) == 6
        other = load(**held | {"validation_labels": np.array([1, 0, 0])})
        assert len({load().digest(), data.digest(), other.digest()}) == 3
        assert load().validation is None

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            (None, "no validation_labels"),
            ([0, 1], "3 and 2"),
            ([0, 1, 2], "validation labels .*from 0 to 2"),
        ],
    )
    def test_wrong_validation_part_is_refused(
        self, load, arrays, labels, message
    ):
        with pytest.raises(ValueError, match=message):
            load(
                validation_images=arrays["train_images"][:3],
                validation_labels=labels and np.array(labels),
            )

    def test_other_images_are_ignored_aloud(self, load, arrays, warnings):
        load(something=np.zeros(3))
        assert warnings == []
        load(val_images=arrays["train_images"], val_labels=np.zeros(6, int))
        (line,) = warnings
        assert line.endswith("read. Ignored: val_images")

    def test_gray_becomes_colour(self, load, arrays):
        data = load(train_images=arrays["train_images"][..., 0])
        for channel in range(3):
            np.testing.assert_array_equal(
                data.train_images[..., channel], arrays["train_images"][..., 0]
            )

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"test_labels": None, "class_names": None}, "no test_labels, cla"),
            ({"train_images": np.zeros((6, 8, 8, 3))}, "Received: float64"),
            ({"train_images": np.zeros((6, 8), np.uint8)}, r"\(6, 8\)"),
            ({"train_images": np.zeros((6, 8, 8, 2), np.uint8)}, "8, 8, 2"),
            ({"train_images": np.zeros((6, 0, 8), np.uint8)}, r"\(6, 0, 8\)"),
            ({"train_images": np.zeros((5, 8, 8), np.uint8)}, "5 and 6"),
            ({"train_labels": np.zeros(6)}, "integers.*float64"),
            ({"train_labels": np.zeros((6, 1), int)}, r"\(6, 1\)"),
            ({"train_labels": np.full(6, 2)}, "from 2 to 2"),
            ({"train_labels": np.full(6, -1)}, "from -1 to -1"),
            ({"train_labels": np.zeros(6, int)}, "at least 2 classes"),
            ({"train_digests": np.array(["a"])}, "one per training image.*1"),
            ({"class_names": np.array([1, 2])}, "must be strings.*int64"),
            ({"class_names": np.array([["a", "b"]])}, r"\(1, 2\)"),
            ({"class_names": np.array(["a", None])}, "pickled objects"),
            ({"train_images": np.array([None] * 6)}, "pickled objects"),
        ],
    )
    def test_wrong_array_raises(self, load, changes, message):
        with pytest.raises(ValueError, match=f"data.npz(.|\n)*{message}"):
            load(**changes)

    def test_missing_parts_raise(self, load, arrays, tmp_path):
        with pytest.raises(ValueError, match="0 and 0"):
            load(
                test_images=arrays["test_images"][:0],
                test_labels=arrays["test_labels"][:0],
            )
        with pytest.raises(FileNotFoundError, match="no such file"):
            load_images(f"npz:{tmp_path}/none.npz", image_size=8)

    def test_single_array_raises(self, tmp_path):
        path = tmp_path / "data.npz"
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
        with pytest.raises(ValueError, match="data.npz must be a complete"):
            load_images(f"npz:{path}", image_size=8)

    def test_real_data_load(self, shared_data):
        path = shared_data / "fashion_mnist_subset.npz"
        data = load_images(f"npz:{path}", image_size=32, examples_per_class=5)
        assert data.train_images.shape == (50, 32, 32, 3)
        assert data.test_images.shape == (2000, 32, 32, 3)
        assert len(data.class_names) == 10
