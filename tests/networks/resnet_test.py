"""ResNet20: its size, its shortcuts and its positions."""

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


def convolve_like_torch(images, kernel, strides):
    """A convolution with one zero at each side, in NumPy."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = images.shape[1:3]
    rows = range(0, height, strides)
    columns = range(0, width, strides)
    return np.stack(
        [
            np.stack(
                [
                    np.tensordot(
                        padded[:, i : i + 3, j : j + 3], kernel, axes=3
                    )
                    for j in columns
                ],
                axis=1,
            )
            for i in rows
        ],
        axis=1,
    )


class ResNet20Test:
    def test_parameter_counts_by_hand(self):
        model = mp_keras.networks.ResNet20(10)
        kernels = 9 * (3 * 16 + 6 * 16**2 + 16 * 32 + 5 * 32**2)
        kernels += 9 * (32 * 64 + 5 * 64**2)
        normed = 7 * 16 + 6 * 32 + 6 * 64  # channels under a batch norm
        assert kernels + 2 * normed + 65 * 10 == 269_722
        assert trained_parameters(model) == 269_722
        assert model.count_params() == 269_722 + 2 * normed == 271_098

    def test_phi_adds_no_trained_parameter(self, phi):
        model = mp_keras.networks.ResNet20(10, perturbation=phi)
        assert trained_parameters(model) == 269_722
        added = 9 * 83 + 3 * 8 * (16 + 32 + 64)
        assert model.count_params() == 271_098 + added

    def test_positions(self, phi):
        model = mp_keras.networks.ResNet20(
            3, (40, 32, 3), phi, seed=7, stochastic=False
        )
        found = position_layer.positions(model)
        assert [position.seed for position in found] == list(range(7, 16))
        for position in found:
            assert (position.channel_norm, position.spatial_norm) == (64, 40)
            assert not position.stochastic
            before = position.input._keras_history.operation
            assert isinstance(before, keras.layers.Add)
            after = position._outbound_nodes[0].operation
            assert isinstance(after, keras.layers.ReLU)
        shapes = [position.input.shape[1:] for position in found]
        assert shapes == (
            [(40, 32, 16)] * 3 + [(20, 16, 32)] * 3 + [(10, 8, 64)] * 3
        )

    @pytest.mark.parametrize("size", [32, 33, 84, 96])
    def test_outputs_are_logits(self, size):
        model = mp_keras.networks.ResNet20(5, (size, size, 1))
        outputs = model(np.ones((1, size, size, 1), "float32"))
        assert outputs.shape == (1, 5)
        assert model.layers[-1].activation is keras.activations.linear

    @pytest.mark.parametrize("size", [8, 9])
    def test_strided_convolution_pads_like_torch(self, size):
        model = mp_keras.networks.ResNet20(2, (size, size, 3))
        strided = [
            layer
            for layer in model.layers
            if isinstance(layer, keras.layers.Conv2D)
            and layer.strides == (2, 2)
        ]
        assert len(strided) == 2
        padding = strided[0].input._keras_history.operation
        images = np.random.default_rng(0).normal(size=(2, size, size, 16))
        expected = convolve_like_torch(images, strided[0].get_weights()[0], 2)
        actual = strided[0](padding(images.astype("float32")))
        np.testing.assert_allclose(actual, expected, atol=1e-4)

    def test_unknown_size(self, phi):
        model = mp_keras.networks.ResNet20(4, (None, None, 3))
        for size in (8, 13):
            outputs = model(np.ones((1, size, size, 3), "float32"))
            assert outputs.shape == (1, 4)
        with pytest.raises(ValueError, match="must be known"):
            mp_keras.networks.ResNet20(4, (None, None, 3), phi)

    def test_saved_model_gives_equal_outputs(self, phi, tmp_path):
        model = mp_keras.networks.ResNet20(3, (8, 8, 3), phi)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        inputs = np.random.default_rng(0).random((2, 8, 8, 3))
        np.testing.assert_array_equal(loaded(inputs), model(inputs))

    def test_too_few_classes(self):
        with pytest.raises(ValueError, match="`classes` must be at least 2"):
            mp_keras.networks.ResNet20(1)


class ZeroPadShortcutTest:
    @pytest.mark.parametrize(
        ("shape", "channels", "strides"),
        [
            ((2, 8, 8, 4), 8, 2),
            ((2, 7, 5, 4), 9, 2),
            ((1, 6, 6, 3), 3, 2),
            ((1, 4, 4, 2), 6, 1),
        ],
    )
    def test_equals_slices_and_zeros(self, shape, channels, strides):
        images = np.random.default_rng(0).normal(size=shape)
        images = images.astype("float32")
        kept = images[:, ::strides, ::strides]
        before = (channels - shape[-1]) // 2
        expected = np.zeros((*kept.shape[:3], channels), "float32")
        expected[..., before : before + shape[-1]] = kept
        shortcut = mp_keras.networks.ZeroPadShortcut(channels, strides)
        np.testing.assert_array_equal(shortcut(images), expected)
        assert shortcut.compute_output_shape(shape) == expected.shape
        assert shortcut.weights == []

    def test_unknown_sizes_stay_unknown(self):
        shortcut = mp_keras.networks.ZeroPadShortcut(8)
        shape = shortcut.compute_output_shape((None, None, 9, 4))
        assert shape == (None, None, 5, 8)

    def test_config_round_trip(self):
        shortcut = mp_keras.networks.ZeroPadShortcut(8, 1, name="shortcut")
        again = mp_keras.networks.ZeroPadShortcut.from_config(
            shortcut.get_config()
        )
        assert (again.channels, again.strides) == (8, 1)
        assert again.name == "shortcut"
