import dataclasses

import numpy as np
import pytest

from pipeline.datasets import image_data


@pytest.fixture
def data():
    return image_data.ImageData(
        train_images=np.zeros((4, 2, 2, 3), np.uint8),
        train_labels=np.array([0, 0, 1, 1]),
        test_images=np.zeros((2, 2, 2, 3), np.uint8),
        test_labels=np.array([0, 1]),
        class_names=("cat", "dog"),
    )


class DigestTest:
    def test_same_content_gives_same_digest(self, data):
        copy = dataclasses.replace(data, train_images=data.train_images.copy())
        assert copy.digest() == data.digest()
        assert len(data.digest()) == 64

    def test_memory_layout_does_not_matter(self, data):
        column_major = np.asfortranarray(data.train_images)
        other = dataclasses.replace(data, train_images=column_major)
        assert other.digest() == data.digest()

    def test_any_change_gives_another_digest(self, data):
        pixel = data.train_images.copy()
        pixel[3, 1, 1, 2] = 1
        changed = [
            {"train_images": pixel},
            {"test_images": pixel[:2] + 1},
            {"train_labels": np.array([0, 1, 1, 1])},
            {"test_labels": np.array([1, 0])},
            {"class_names": ("cat", "cow")},
            {"class_names": ("catdog",)},
            {"train_images": data.train_images.reshape(4, 1, 4, 3)},
        ]
        digests = {dataclasses.replace(data, **c).digest() for c in changed}
        assert len(digests | {data.digest()}) == len(changed) + 1


class CheckImageDataTest:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"train_labels": np.array([0, 0, 0, 0])}, "at least 2 classes"),
            ({"train_labels": np.array([0, 0, 1, 2])}, "from 0 to 2"),
            ({"test_labels": np.array([-1, 0])}, "from -1 to 0"),
            ({"test_labels": np.array([], int)}, "one test image"),
            (
                {
                    "class_names": ("cat", "dog", "cow"),
                    "test_labels": np.array([0, 2]),
                },
                r"test only: \['cow'\]",
            ),
        ],
    )
    def test_unusable_data_raise(self, data, changes, message):
        with pytest.raises(ValueError, match=f"npz:x.*{message}"):
            image_data.check_image_data(
                dataclasses.replace(data, **changes), "npz:x"
            )
