"""The noise-free copy of a network, against arithmetic by hand."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras import baselines
from mp_keras.evaluation import monte_carlo
from tests import small_networks


@pytest.fixture
def images():
    return small_networks.draw_images(4, 8, 8, 3)


@keras.saving.register_keras_serializable(package="tests")
class Jitter(keras.layers.Layer):
    """Another layer that is noisy in test."""

    noisy_in_test = True

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, inputs):
        return inputs + keras.random.normal((1,), seed=self.seed_generator)


class DeterministicTest:
    def test_equals_the_layer_that_is_built_without_noise(self, images):
        noisy = small_networks.make_network()
        noisy(images, training=True)  # moving statistics away from 0 and 1
        built_so = small_networks.make_network(stochastic=False)
        built_so.set_weights(noisy.get_weights())
        still = mp_keras.deterministic(noisy)
        np.testing.assert_array_equal(still(images), built_so(images))
        np.testing.assert_array_equal(still(images), still(images))

    def test_original_stays_noisy(self, images):
        noisy = small_networks.make_network()
        still = mp_keras.deterministic(noisy)
        for weight in still.weights:
            weight.assign(0 * weight)
        first = np.array(noisy(images))
        assert np.abs(np.array(noisy(images)) - first).max() > 1e-3
        assert np.abs(first).max() > 1e-3

    def test_is_the_noise_at_its_mean(self):
        """One position alone: h * s * E[softplus(N(mean, 1))], by hand."""
        phi = small_networks.random_phi()
        features = small_networks.draw_images(2, 5, 5, 4)
        inputs = keras.Input((5, 5, 4))
        layer = mp_keras.MetaPerturbLayer(phi, channel_norm=8, spatial_norm=10)
        model = mp_keras.deterministic(keras.Model(inputs, layer(inputs)))
        mean = np.array(phi.noise_mean(features))
        # Moving mean 0 and variance 1; 4 of 8 channels, 5 of 10 pixels.
        numbers = np.array([0] * 4 + [1] * 4 + [0.5, 0.5])
        logit = numbers @ phi.values()["scale_head"]
        scale = 1 / (1 + np.exp(-logit))
        nodes, weights = np.polynomial.hermite_e.hermegauss(40)
        softplus = np.logaddexp(0, mean[..., None] + nodes)
        noise = softplus @ weights / np.sum(weights)
        expected = features * scale * noise
        np.testing.assert_allclose(model(features), expected, rtol=4e-3)

    def test_monte_carlo_dropout_drops_nothing(self, images):
        plain = mp_keras.networks.Conv4(3, (16, 16, 3))
        images = small_networks.draw_images(4, 16, 16, 3)
        noisy = baselines.monte_carlo_dropout_model(plain, 0.5, seed=0)
        still = mp_keras.deterministic(noisy)
        np.testing.assert_allclose(still(images), plain(images), rtol=1e-5)
        assert np.abs(np.array(noisy(images) - plain(images))).max() > 1e-3

    def test_nested_models_and_ensembles(self, images):
        members = [small_networks.make_network(seed=s) for s in (1, 9)]
        inputs = keras.Input((8, 8, 3))
        nested = keras.Model(inputs, members[0](inputs))
        still = mp_keras.deterministic(nested)
        expected = mp_keras.deterministic(members[0])(images)
        np.testing.assert_array_equal(still(images), expected)
        ensemble = mp_keras.deterministic(baselines.deep_ensemble(members))
        assert monte_carlo.noisy_layers(ensemble) == []
        np.testing.assert_array_equal(ensemble(images), ensemble(images))

    def test_saves_and_loads(self, images, tmp_path):
        still = mp_keras.deterministic(small_networks.make_network())
        still.save(tmp_path / "still.keras")
        loaded = keras.models.load_model(tmp_path / "still.keras")
        np.testing.assert_array_equal(loaded(images), still(images))

    def test_refuses_what_it_cannot_copy_or_silence(self):
        class Subclassed(keras.Model):
            pass

        for model in (Subclassed(), keras.Sequential(), "conv4"):
            with pytest.raises(ValueError, match="functional or built"):
                mp_keras.deterministic(model)
        inputs = keras.Input((8, 8, 3))
        jitter = Jitter(name="shaky")
        with pytest.raises(ValueError, match="layer shaky of type Jitter"):
            mp_keras.deterministic(keras.Model(inputs, jitter(inputs)))
