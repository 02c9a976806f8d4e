"""φ at one position in numbers: its noise, its training and its norms."""

import keras
import numpy as np
import pytest
from keras import layers

import mp_keras
from mp_keras.perturbation import function
from mp_keras.perturbation import positions_of
from tests import gradients
from tests.perturbation import examples
from tests.perturbation import reference


class NoiseTest:
    def test_mean_and_spread_equal_the_integral(self):
        center = np.zeros((3, 3))
        center[1, 1] = 1.0
        values = {
            name: np.zeros(shape)
            for name, shape in function.WEIGHT_SHAPES.items()
        }
        values["noise_self_1"], values["noise_self_2"] = center, 1.5 * center
        layer = examples.new_layer(mp_keras.PerturbationFunction(values))
        outputs = np.array(layer(np.ones((50, 32, 32, 4), "float32")))
        # s = sigmoid(0) and the mean is 1.5 everywhere: outputs are z / 2.
        grid = np.linspace(-10, 10, 20001)
        density = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
        noise = np.logaddexp(0, 1.5 + grid)
        mean = np.trapezoid(noise * density, grid)
        spread = np.sqrt(np.trapezoid((noise - mean) ** 2 * density, grid))
        # 204,800 draws: the standard errors are 0.0008 and 0.0006.
        np.testing.assert_allclose(2 * outputs.mean(), mean, atol=0.004)
        np.testing.assert_allclose(2 * outputs.std(), spread, atol=0.003)

    @pytest.mark.parametrize("training", [False, True])
    def test_every_call_and_seed_draws_its_own(self, training):
        phi = examples.random_phi(
            spread=0.01
        )  # its mean adds hardly any pattern
        first, other = (examples.new_layer(phi, seed=seed) for seed in (1, 2))
        inputs = np.ones((1, 8, 8, 4), "float32")
        draws = [
            np.ravel(np.array(layer(inputs, training=training)))
            for layer in (first, first, other)
        ]
        for a, b in ((0, 1), (0, 2), (1, 2)):
            assert abs(np.corrcoef(draws[a], draws[b])[0, 1]) < 0.3

    def test_seed_repeats_the_noise(self):
        inputs = examples.feature_maps(2, 8, 8, 4)
        first, again = examples.new_layer(seed=4), examples.new_layer(seed=4)
        for _ in range(2):
            np.testing.assert_array_equal(first(inputs), again(inputs))

    def test_without_noise_calls_are_equal(self):
        layer = examples.new_layer(stochastic=False)
        inputs = examples.feature_maps(2, 8, 8, 4)
        np.testing.assert_array_equal(layer(inputs), layer(inputs))


class TrainingTest:
    @pytest.mark.parametrize("training", [False, True])
    def test_coefficient_zero_is_the_identity(self, training):
        layer = examples.new_layer()
        layer.build((None, 8, 8, 16))
        layer.noise_coefficient.assign(0.0)
        inputs = examples.feature_maps(2, 8, 8, 16)
        np.testing.assert_array_equal(layer(inputs, training=training), inputs)

    @pytest.mark.parametrize("batch", [1, 3])
    def test_constant_images_are_finite(self, batch):
        layer = examples.new_layer()
        inputs = np.ones((batch, 8, 8, 4), "float32")
        outputs = layer(inputs, training=True)
        gradient = gradients.gradient(
            lambda h: keras.ops.sum(layer(h, training=True)), inputs
        )
        for array in (outputs, gradient, *layer.get_weights()):
            assert np.all(np.isfinite(np.array(array)))

    def test_one_example_alone_is_finite(self):
        layer = examples.new_layer()
        for training in (True, False):
            outputs = layer(
                examples.feature_maps(1, 8, 8, 4), training=training
            )
            assert np.all(np.isfinite(np.array(outputs)))

    @pytest.mark.parametrize("thaw", [False, True])
    def test_fit_trains_the_network_and_leaves_phi(self, thaw):
        model = examples.small_network()
        if thaw:  # reaches every layer of a model
            model.trainable = False
            model.trainable = True
        before = model.get_weights()
        trained = {id(weight) for weight in model.trainable_weights}
        assert len(trained) == 2 + 2 + 2 + 2
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit(examples.feature_maps(8, 8, 8, 3), np.ones((8, 2)), verbose=0)
        for weight, old in zip(model.weights, before):
            changed = np.any(keras.ops.convert_to_numpy(weight) != old)
            moving = weight.name.startswith("moving")
            bias_before_norm = weight is model.layers[1].bias
            if not bias_before_norm:  # its gradient is rounding alone
                assert changed == (moving or id(weight) in trained), weight.path


class NormsTest:
    def test_phi_of_32_pixels_serves_84_with_512_channels(self, monkeypatch):
        source = mp_keras.networks.ResNet20(
            10, perturbation=examples.random_phi()
        )
        learned = positions_of(source)[0].perturbation
        inputs = keras.Input((84, 84, 3))
        features = layers.Conv2D(16, 1)(inputs)
        features = layers.ReLU()(layers.BatchNormalization()(features))
        features = layers.Conv2D(512, 1, strides=4)(features)
        features = layers.ReLU()(layers.BatchNormalization()(features))
        target = mp_keras.perturb_model(
            keras.Model(inputs, features), learned, stochastic=False
        )
        early, late = positions_of(target)
        for position in (early, late):
            assert (position.channel_norm, position.spatial_norm) == (512, 84)

        ratios = []
        scale = mp_keras.PerturbationFunction.scale

        def recorded(self, mean, variance, channel_ratio, height_ratio):
            ratios.append((float(channel_ratio), float(height_ratio)))
            return scale(self, mean, variance, channel_ratio, height_ratio)

        monkeypatch.setattr(mp_keras.PerturbationFunction, "scale", recorded)
        early(np.ones((1, 84, 84, 16), "float32"))
        h = examples.feature_maps(2, 21, 21, 512)
        outputs = late(h, training=True)
        assert ratios == [(16 / 512, 84 / 84), (512 / 512, 21 / 84)]
        expected = reference.perturbed(
            learned.values(), h, None, (512, 84, 1.0)
        )
        np.testing.assert_allclose(outputs, expected["output"], atol=1e-4)
