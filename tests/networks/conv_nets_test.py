"""Conv4: its size, its layers and its positions."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras.perturbation import layer as position_layer


@pytest.fixture
def phi():
    return mp_keras.PerturbationFunction(seed=1)


def trained_parameters(model):
    return sum(np.prod(weight.shape) for weight in model.trainable_weights)


class Conv4Test:
    def test_parameter_counts_by_hand(self):
        model = mp_keras.networks.Conv4(10)
        blocks = (27 + 3 * 9 * 64) * 64 + 4 * (64 + 2 * 64)  # kernels, rest
        assert blocks + (2 * 2 * 64 + 1) * 10 == 115_658
        assert trained_parameters(model) == 115_658
        assert model.count_params() == 115_658 + 4 * 2 * 64

    def test_phi_adds_no_trained_parameter(self, phi):
        model = mp_keras.networks.Conv4(10, perturbation=phi)
        assert trained_parameters(model) == 115_658
        added = 4 * (82 + 2 * 4 * 64 + 1)
        assert model.count_params() == 116_170 + added

    def test_layers_follow_the_paper(self, phi):
        model = mp_keras.networks.Conv4(10, perturbation=phi)
        block = [
            keras.layers.Conv2D,
            keras.layers.BatchNormalization,
            mp_keras.MetaPerturbLayer,
            keras.layers.ReLU,
            keras.layers.MaxPooling2D,
        ]
        end = [keras.layers.Flatten, keras.layers.Dense]
        assert [type(layer) for layer in model.layers[1:]] == 4 * block + end

    @pytest.mark.parametrize("channels", [64, 8])
    def test_positions(self, phi, channels):
        model = mp_keras.networks.Conv4(
            3, (48, 32, 3), phi, channels=channels, seed=7, stochastic=False
        )
        found = position_layer.positions(model)
        assert [position.seed for position in found] == [7, 8, 9, 10]
        for position in found:
            assert position.channel_norm == channels
            assert position.spatial_norm == 48
            assert not position.stochastic
        heights = [position.input.shape[1] for position in found]
        assert heights == [48, 24, 12, 6]

    @pytest.mark.parametrize("size", [16, 33, 84, 96])
    def test_outputs_are_logits(self, size):
        model = mp_keras.networks.Conv4(5, (size, size, 1), channels=4)
        outputs = model(np.ones((2, size, size, 1), "float32"))
        assert outputs.shape == (2, 5)
        assert model.layers[-1].activation is keras.activations.linear

    def test_saved_model_gives_equal_outputs(self, phi, tmp_path):
        model = mp_keras.networks.Conv4(3, (16, 16, 3), phi, channels=4)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        inputs = np.random.default_rng(0).random((2, 16, 16, 3))
        np.testing.assert_array_equal(loaded(inputs), model(inputs))

    def test_logits_stay_float32_in_mixed_precision(self, phi):
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            model = mp_keras.networks.Conv4(3, (16, 16, 3), phi, channels=4)
        finally:
            keras.config.set_dtype_policy("float32")
        assert position_layer.positions(model)[0].compute_dtype == "bfloat16"
        outputs = model(np.ones((2, 16, 16, 3), "float32"))
        assert outputs.dtype == "float32"

    def test_too_few_classes(self):
        with pytest.raises(ValueError, match="`classes` must be at least 2"):
            mp_keras.networks.Conv4(1)

    @pytest.mark.parametrize("shape", [(32, 15, 3), (None, 32, 3)])
    def test_too_small_images(self, shape):
        with pytest.raises(ValueError, match="at least 16 pixels"):
            mp_keras.networks.Conv4(2, shape)
