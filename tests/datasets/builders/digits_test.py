import numpy as np
import pytest
import sklearn.datasets

from pipeline.datasets.sources.loading import load_images


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    return load_images("tfds:digits", image_size=8, data_dir=folder)


class DigitsTest:
    def test_parts_are_halves_of_each_class(self, data):
        train = np.bincount(data.train_labels)
        test = np.bincount(data.test_labels)
        assert len(train) == len(test) == 10
        assert abs(train - test).max() <= 1
        assert train.sum() + test.sum() == 1797

    def test_images_are_those_of_scikit_learn(self, data):
        ink, labels = sklearn.datasets.load_digits(return_X_y=True)
        pixels = np.round(ink * 255 / 16).astype(np.uint8)
        expected = {(p.tobytes(), label) for p, label in zip(pixels, labels)}
        images = np.concatenate([data.train_images, data.test_images])
        both = np.concatenate([data.train_labels, data.test_labels])
        received = {
            (image[..., 0].tobytes(), label)
            for image, label in zip(images, both)
        }
        assert received == expected
        assert images.max() == 255
