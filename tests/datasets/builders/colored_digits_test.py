import numpy as np
import pytest
import sklearn.datasets

from pipeline.datasets.sources.loading import load_images

_LUMA = np.array([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    return load_images("tfds:colored_digits", image_size=8, data_dir=folder)


class ColoredDigitsTest:
    def test_are_the_digits_of_scikit_learn(self, data):
        """An image tells of each pixel how much ink is in it."""
        ink, labels = sklearn.datasets.load_digits(return_X_y=True)
        # Where the digits are whole, from no ink to all of it.
        whole = (ink.min(axis=1) == 0) & (ink.max(axis=1) == 16)
        known = {
            share.tobytes(): label
            for share, label in zip(ink[whole], labels[whole])
        }
        images = np.concatenate([data.train_images, data.test_images])
        both = np.concatenate([data.train_labels, data.test_labels])
        assert len(images) == len(ink)
        found = 0
        for image, label in zip(images, both):
            luma = (image @ _LUMA).ravel()
            share = (luma - luma.min()) / (luma.max() - luma.min())
            key = np.round(16 * share).tobytes()
            found += known.get(key, label - 1) == label
        assert found >= 0.98 * whole.sum()

    def test_colours_differ_and_can_be_told_apart(self, data):
        images = data.train_images.reshape(-1, 64, 3)
        luma = images @ _LUMA
        assert (luma.max(axis=1) - luma.min(axis=1)).min() > 80
        darkest = images[np.arange(len(images)), luma.argmin(axis=1)]
        assert len(np.unique(darkest, axis=0)) > 0.95 * len(images)

    def test_parts_are_those_of_digits(self, data, tmp_path):
        gray = load_images("tfds:digits", image_size=8, data_dir=tmp_path)
        np.testing.assert_array_equal(
            np.bincount(data.train_labels), np.bincount(gray.train_labels)
        )
        assert len(data.test_labels) == len(gray.test_labels)

    def test_colours_are_the_same_each_time(self, data, tmp_path):
        again = load_images(
            "tfds:colored_digits", image_size=8, data_dir=tmp_path
        )
        assert again.digest() == data.digest()
