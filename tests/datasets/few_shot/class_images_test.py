"""Classes selected, merged and checked."""

import dataclasses

import numpy as np
import pytest

from pipeline.datasets.few_shot import class_images
from tests.datasets.few_shot import examples


@pytest.fixture
def data():
    """Three classes of four 2 x 2 images."""
    return examples.numbered_classes(3, 4)


class ClassImagesTest:
    def test_selected_classes_are_labelled_anew(self, data):
        some = data.select([2, 0])
        assert some.class_names == ("class 2", "class 0")
        assert some.classes == 2
        old = examples.numbers(some.images) // 4
        np.testing.assert_array_equal(np.array([2, 0])[some.labels], old)
        assert np.bincount(some.labels).tolist() == [4, 4]

    @pytest.mark.parametrize("classes", [[0, 0], [3], [-1], [[0, 1]]])
    def test_wrong_selection_raises(self, data, classes):
        with pytest.raises(ValueError, match=r"labels in \[0, 3\)"):
            data.select(classes)

    def test_any_change_gives_another_digest(self, data):
        pixel = data.images.copy()
        pixel[-1, -1, -1, -1] += 1
        changed = [
            {"images": pixel},
            {"labels": data.labels[::-1]},
            {"class_names": ("a", "b", "c")},
        ]
        digests = {dataclasses.replace(data, **c).digest() for c in changed}
        assert len(digests | {data.digest()}) == 4
        again = dataclasses.replace(data, images=data.images.copy())
        assert again.digest() == data.digest()


class MergeTest:
    def test_classes_of_both(self, data):
        whole = class_images.merge(data.select([1]), data.select([0, 2]))
        assert whole.class_names == ("class 1", "class 0", "class 2")
        old = examples.numbers(whole.images) // 4
        np.testing.assert_array_equal(np.array([1, 0, 2])[whole.labels], old)

    def test_classes_that_do_not_fit_raise(self, data):
        with pytest.raises(ValueError, match="in both: class 1"):
            class_images.merge(data.select([1]), data)
        other = dataclasses.replace(data, images=data.images[:, :1])
        with pytest.raises(ValueError, match="of one shape"):
            class_images.merge(data, other)


class CheckClassImagesTest:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"images": np.zeros((12, 2, 2, 1))}, "uint8(.|\n)*float64"),
            ({"images": np.zeros((12, 2, 2), np.uint8)}, r"\(12, 2, 2\)"),
            ({"images": np.zeros((0, 2, 2, 1), np.uint8)}, r"\(0, 2, 2, 1\)"),
            ({"labels": np.zeros(12, np.int32)}, "int64(.|\n)*int32"),
            ({"labels": np.zeros(11, np.int64)}, r"shape \(11,\)"),
            ({"labels": np.arange(12) // 3}, "from 0 to 3"),
            ({"labels": np.arange(12) % 2 * 2}, "none of class 1"),
            ({"class_names": ("a", "b", "a")}, "3 names, 2 of them"),
        ],
    )
    def test_unusable_data_raise(self, data, changes, message):
        wrong = dataclasses.replace(data, **changes)
        with pytest.raises(ValueError, match=f"of npz:x (.|\n)*{message}"):
            class_images.check_class_images(wrong, "npz:x")
