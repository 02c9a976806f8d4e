"""The noise-free copy of a network, against arithmetic by hand."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras import baselines
from mp_keras.evaluation import monte_carlo
from mp_keras.evaluation import noise_compensation
from mp_keras.graphs import layer_search
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


def divergence(truth, other):
    return np.mean(np.sum(truth * np.log(truth / other), axis=1))


class WithImagesTest:
    @pytest.fixture(scope="class")
    def noisy(self):
        """A network whose batch norms have seen its noise."""
        keras.utils.set_random_seed(0)  # before each test's own
        network = small_networks.make_network()
        for _ in range(40):
            network(small_networks.draw_images(64, 8, 8, 3), training=True)
        dense = network.layers[-1]
        dense.kernel.assign(4 * dense.kernel)  # sure of itself
        return network

    @pytest.fixture(scope="class")
    def still(self, noisy):
        images = small_networks.draw_images(60, 8, 8, 3)
        return mp_keras.deterministic(noisy, images, mixtures=3000)

    def test_is_nearer_to_the_mean_over_samples(self, noisy, still):
        images = small_networks.draw_images(50, 8, 8, 3, seed=5)
        wanted = mp_keras.monte_carlo_predict(noisy, images, 200)
        plain = mp_keras.deterministic(noisy)
        far, near = (
            divergence(wanted, mp_keras.monte_carlo_predict(each, images))
            for each in (plain, still)
        )
        assert far > 0.01
        assert near < 0.4 * far

    def test_norms_and_the_last_layer_alone_are_changed(self, noisy, still):
        assert monte_carlo.noisy_layers(still) == []
        for old, new in zip(noisy.layers, still.layers):
            same = [
                np.array_equal(a, b)
                for a, b in zip(old.get_weights(), new.get_weights())
            ]
            learns = isinstance(
                new, keras.layers.BatchNormalization | keras.layers.Dense
            )
            assert any(not each for each in same) == learns, new.name
            assert old.trainable == new.trainable
        assert not still.compiled

    def test_what_is_frozen_stays_so(self, noisy):
        norm = noisy.get_layer(index=2)
        norm.gamma.trainable = False
        images = small_networks.draw_images(8, 8, 8, 3)
        try:
            still = mp_keras.deterministic(noisy, images, mixtures=16)
        finally:
            norm.gamma.trainable = True
        assert not still.get_layer(index=2).gamma.trainable
        frozen = [v for v in still.variables if not v.trainable]
        assert len(still.trainable_variables) + len(frozen) == len(
            still.variables
        )

    def test_same_seed_gives_the_same_network(self, noisy, still):
        images = small_networks.draw_images(60, 8, 8, 3)
        again = mp_keras.deterministic(noisy, images, mixtures=3000)
        for one, two in zip(still.get_weights(), again.get_weights()):
            np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)

    def test_batch_norms_put_out_what_they_put_out_with_noise(self, noisy):
        images = small_networks.draw_images(60, 8, 8, 3)
        plain = mp_keras.deterministic(noisy)
        noise_compensation.compensate(plain, noisy, images, 50)
        index = [
            index
            for index, layer in enumerate(plain.layers)
            if isinstance(layer, keras.layers.BatchNormalization)
        ][-1]
        found = []
        for model, samples in ((noisy, 50), (plain, 1)):
            part = keras.Model(model.inputs, model.layers[index].output)
            maps = [part(images, training=False) for _ in range(samples)]
            found.append(np.mean(maps, axis=(0, 1, 2, 3)))
        np.testing.assert_allclose(*found, atol=0.03)

    def test_network_without_noise_is_copied_as_it_is(self, images):
        network = small_networks.make_network(stochastic=False)
        copy = mp_keras.deterministic(network, images)
        for one, two in zip(network.get_weights(), copy.get_weights()):
            np.testing.assert_array_equal(one, two)

    def test_nested_models(self, noisy):
        inputs = keras.Input((8, 8, 3))
        images = small_networks.draw_images(60, 8, 8, 3)
        nested = mp_keras.deterministic(
            keras.Model(inputs, noisy(inputs)), images, mixtures=0
        )
        norms, plain = (
            layer_search.find_layers(
                model,
                lambda layer: isinstance(
                    layer, keras.layers.BatchNormalization
                ),
            )
            for model in (nested, noisy)
        )
        assert len(norms) == 2
        # The first comes before any noise, the second after it.
        gaps = [
            np.abs(one.moving_variance - two.moving_variance).max()
            for one, two in zip(norms, plain)
        ]
        assert gaps[0] < 1e-4 < 1e-2 < gaps[1]

    def test_wrong_images_and_probabilities_raise(self, noisy):
        with pytest.raises(ValueError, match="`images` must be"):
            mp_keras.deterministic(noisy, np.zeros((3, 8, 8)))
        ended = keras.Sequential([noisy, keras.layers.Softmax()])
        with pytest.raises(ValueError, match="ends in softmax"):
            mp_keras.deterministic(ended, np.zeros((3, 8, 8, 3)))
        inputs = [keras.Input((8, 8, 3)) for _ in range(2)]
        both = keras.Model(inputs, noisy(keras.layers.Add()(inputs)))
        with pytest.raises(ValueError, match="dict or several inputs"):
            mp_keras.deterministic(both, [np.zeros((3, 8, 8, 3))] * 2)


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
