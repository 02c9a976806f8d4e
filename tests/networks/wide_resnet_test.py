"""WRN-28-2: its size, its blocks and its positions."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras.perturbation import positions_of
from tests import small_networks
from tests.networks import examples
from tests.networks import numpy_networks

_LEVELS = ((32, 4), (64, 4), (128, 4))


@pytest.fixture(scope="class")
def perturbed():
    phi = small_networks.random_phi()
    return mp_keras.networks.WideResNet28x2(10, (32, 24, 3), phi, seed=5)


class WideResNet28x2Test:
    def test_parameter_counts_by_hand(self, perturbed):
        count = 27 * 16 + 2 * 128 + 129 * 10  # stem, last batch norm, dense
        normed = 128
        for before, channels in ((16, 32), (32, 64), (64, 128)):
            count += 9 * (before * channels + 7 * channels**2)
            count += before * channels  # the 1x1 shortcut
            count += 2 * (before + 7 * channels)
            normed += before + 7 * channels
        assert count == 1_467_610
        assert examples.trained_parameters(perturbed) == count
        phi = 12 * 83 + 8 * 4 * (32 + 64 + 128)
        assert perturbed.count_params() == count + 2 * normed + phi

    def test_positions(self, perturbed):
        assert examples.shapes(perturbed) == (
            [(32, 24, 32)] * 4 + [(16, 12, 64)] * 4 + [(8, 6, 128)] * 4
        )
        assert examples.norms(perturbed) == {(128, 32)}
        found = positions_of(perturbed)
        assert [position.seed for position in found] == list(range(5, 17))
        for position in found:
            assert examples.operations_around(position) == (
                keras.layers.BatchNormalization,
                keras.layers.ReLU,
            )

    def test_location(self):
        phi = small_networks.random_phi()
        model = mp_keras.networks.WideResNet28x2(
            2, (96, 96, 3), phi, "before_pooling"
        )
        names = [f"meta_perturb_{i}" for i in (3, 7, 11)]
        assert examples.names(model) == names
        assert examples.norms(model) == {(128, 96)}

    @pytest.mark.parametrize("size", [8, 9])
    def test_equals_numpy(self, size):
        model = mp_keras.networks.WideResNet28x2(3, (size, size, 3))
        examples.randomize_batch_norms(model)
        images = small_networks.draw_images(2, size, size, 3)
        expected = numpy_networks.wide_resnet(model, images, _LEVELS)
        np.testing.assert_allclose(model(images), expected, rtol=1e-3)

    def test_perturb_model_finds_the_additions_instead(self):
        plain = mp_keras.networks.WideResNet28x2(3, (8, 8, 3))
        model = mp_keras.perturb_model(plain, small_networks.random_phi())
        found = positions_of(model)
        assert len(found) == 12
        for position in found:
            before = position.input._keras_history.operation
            assert isinstance(before, keras.layers.Add)
