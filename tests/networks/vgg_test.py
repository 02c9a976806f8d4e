"""VGG9: its size, its layers and its positions."""

import keras
import pytest

import mp_keras
from tests import small_networks
from tests.networks import examples

_CHANNELS = (64, 128, 256, 256, 512, 512, 512, 512)


@pytest.fixture(scope="class")
def perturbed():
    phi = small_networks.random_phi()
    return mp_keras.networks.VGG9(10, perturbation=phi)


class VGG9Test:
    def test_parameter_counts_by_hand(self, perturbed):
        kernels = 9 * sum(
            before * after for before, after in zip((3, *_CHANNELS), _CHANNELS)
        )
        count = kernels + 3 * sum(_CHANNELS) + 513 * 10
        assert count == 9_231_114
        assert examples.trained_parameters(perturbed) == count
        phi = 8 * 83 + 8 * sum(_CHANNELS)
        assert perturbed.count_params() == count + 2 * sum(_CHANNELS) + phi

    def test_layers_follow_the_paper(self, perturbed):
        block = "Conv2D BatchNormalization MetaPerturbLayer ReLU ".split()
        pool = ["MaxPooling2D"]
        expected = 2 * (block + pool) + 3 * (2 * block + pool)
        kinds = [type(layer).__name__ for layer in perturbed.layers]
        assert kinds == ["InputLayer", *expected, "Flatten", "Dense"]

    def test_positions(self, perturbed):
        heights = (32, 16, 8, 8, 4, 4, 2, 2)
        assert examples.shapes(perturbed) == [
            (height, height, channels)
            for height, channels in zip(heights, _CHANNELS)
        ]
        assert examples.norms(perturbed) == {(512, 32)}

    def test_location(self):
        phi = small_networks.random_phi()
        model = mp_keras.networks.VGG9(2, (84, 84, 3), phi, "before_pooling")
        names = [f"meta_perturb_{i}" for i in (0, 1, 3, 5, 7)]
        assert examples.names(model) == names
        assert examples.norms(model) == {(512, 84)}
        assert isinstance(model.layers[-1], keras.layers.Dense)
        assert model.layers[-1].kernel.shape == (2 * 2 * 512, 2)

    def test_too_small_images(self):
        with pytest.raises(ValueError, match="at least 32 pixels"):
            mp_keras.networks.VGG9(2, (31, 32, 3))
