"""φ at one position where numbers are few, equal, huge or of half precision.

What holds: constant maps and a batch of one give finite outputs, gradients and
statistics under every dtype policy. The noise grows with the features, so that
outputs grow as their square: finite as long as that is in the range of the
dtype, `LARGEST`, and beyond it infinite.
"""

import keras
import numpy as np
import pytest
from keras import ops

import mp_keras
from tests import gradients
from tests.perturbation import examples
from tests.perturbation import reference

POLICIES = (
    "float32",
    "mixed_bfloat16",
    "bfloat16",
    "mixed_float16",
    "float16",
)
LARGEST = {"float32": 1e18, "bfloat16": 1e18, "float16": 1e2}
MAPS = {
    "zero": np.zeros((3, 8, 8, 4), "float32"),
    "constant": np.ones((3, 8, 8, 4), "float32"),
    "negative": np.full((3, 8, 8, 4), -2.0, "float32"),
    "one pixel": np.ones((3, 1, 1, 4), "float32"),
    "one example": examples.feature_maps(1, 8, 8, 4),
    "one number": np.ones((1, 1, 1, 1), "float32"),
}


def all_finite(arrays):
    return all(
        np.all(np.isfinite(np.array(ops.cast(array, "float32"))))
        for array in arrays
    )


def outcome(inputs, policy, training, **arguments):
    """Returns outputs, the inputs' gradient and the weights of one call."""
    layer = examples.new_layer(dtype=policy, **arguments)
    inputs = ops.cast(inputs, layer.compute_dtype)
    outputs = layer(inputs, training=training)
    gradient = gradients.gradient(
        lambda h: ops.mean(ops.cast(layer(h, training=training), "float32")),
        inputs,
    )
    return [outputs, gradient, *layer.weights]


class FewNumbersTest:
    @pytest.mark.parametrize("training", [False, True])
    @pytest.mark.parametrize("policy", POLICIES)
    @pytest.mark.parametrize("name", MAPS)
    def test_are_finite(self, name, policy, training):
        assert all_finite(outcome(MAPS[name], policy, training))

    @pytest.mark.parametrize("use", ["use_scale", "use_noise"])
    def test_variants_are_finite(self, use):
        phi = mp_keras.PerturbationFunction(
            examples.random_phi().values(), **{use: False}
        )
        for inputs in MAPS.values():
            assert all_finite(outcome(inputs, "float32", True, phi=phi))

    def test_one_example_has_a_variance_of_zero(self):
        layer = examples.new_layer(stochastic=False)
        inputs = MAPS["one example"]
        outputs = layer(inputs, training=True)
        phi = layer.perturbation
        features = np.array(phi.channel_features(inputs))[0]
        scale = np.array(phi.scale(features, np.zeros((4, 4)), 4 / 16, 1.0))
        noise = reference.expected_noise(np.array(phi.noise_mean(inputs)))
        expected = inputs * scale * noise
        np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(layer.moving_variance, 0.9, rtol=1e-6)


class HugeNumbersTest:
    @pytest.mark.parametrize("training", [False, True])
    @pytest.mark.parametrize("policy", POLICIES)
    @pytest.mark.parametrize("sign", [-1, 1])
    def test_are_finite_in_the_range_of_the_dtype(self, policy, sign, training):
        largest = LARGEST[policy.removeprefix("mixed_")]
        inputs = sign * largest * np.abs(examples.feature_maps(4, 8, 8, 4)) / 4
        assert np.abs(inputs).max() > largest / 2
        assert all_finite(outcome(inputs, policy, training))

    @pytest.mark.parametrize("size", [1e4, 1e10, 1e18])
    def test_training_clips_them_from_above(self, size):
        layer = examples.new_layer()
        inputs = size * examples.feature_maps(4, 8, 8, 4)
        outputs = np.array(layer(inputs, training=True))
        assert outputs.max() == 100.0

    @pytest.mark.parametrize("training", [False, True])
    @pytest.mark.parametrize("policy", ["float32", "bfloat16"])
    @pytest.mark.parametrize("size", [1e25, 1e30])
    def test_beyond_it_outputs_are_infinite_and_not_nan(
        self, policy, size, training
    ):
        inputs = size * examples.feature_maps(4, 8, 8, 4)
        outputs, *others = outcome(inputs, policy, training)
        outputs = np.array(ops.cast(outputs, "float32"))
        assert np.any(np.isinf(outputs)) and not np.any(np.isnan(outputs))
        assert all_finite(others)

    @pytest.mark.parametrize("training", [False, True])
    @pytest.mark.parametrize("policy", ["float16", "mixed_float16"])
    def test_many_channels_do_not_overflow(self, policy, training):
        """Their sum is above 65,504, what float16 can hold."""
        inputs = np.full((2, 4, 4, 512), 150.0, "float16")
        layer = examples.new_layer(dtype=policy)
        assert all_finite([layer(inputs, training=training)])

    def test_moving_averages_are_float32_under_every_policy(self):
        """In float16, a variance of features above 255 is infinite."""
        for policy in POLICIES:
            layer = examples.new_layer(dtype=policy)
            layer(400 * MAPS["constant"], training=True)
            kinds = {
                keras.backend.standardize_dtype(state.dtype)
                for state in (layer.moving_mean, layer.moving_variance)
            }
            assert kinds == {"float32"}


class NetworkTest:
    @pytest.fixture(params=["float32", "mixed_bfloat16", "mixed_float16"])
    def policy(self, request):
        keras.config.set_dtype_policy(request.param)
        yield request.param
        keras.config.set_dtype_policy("float32")

    @pytest.mark.parametrize("batch", [1, 4])
    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_constant_images_train(self, policy, batch, value):
        """Batch norm sees a variance of zero, of one example or of four."""
        network = examples.small_network()
        network.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
        images = np.full((batch, 8, 8, 3), value, "float32")
        logs = [
            network.train_on_batch(images, np.ones((batch, 2)))
            for _ in range(3)
        ]
        assert np.all(np.isfinite(logs)) and logs[2] < logs[0]
        assert all_finite(network.weights)
        assert all_finite([network(images)])
