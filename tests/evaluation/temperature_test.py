"""Temperatures against a search by hand, and what they leave as it was."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras import baselines
from mp_keras.evaluation import monte_carlo
from mp_keras.evaluation import temperature
from tests import small_networks


@pytest.fixture
def images():
    return small_networks.draw_images(40, 8, 8, 3)


@pytest.fixture
def labels():
    return np.arange(40) % small_networks.CLASSES


def table_model(logits):
    """A model whose "images" are numbers of rows of a table of logits."""
    inputs = keras.Input((1, 1, 1))
    rows = keras.layers.Flatten()(inputs)
    table = keras.layers.Embedding(*np.shape(logits), name="table")
    outputs = keras.layers.Flatten()(table(rows))
    model = keras.Model(inputs, outputs)
    table.set_weights([np.asarray(logits, "float32")])
    return model, np.arange(len(logits), dtype="float32").reshape(-1, 1, 1, 1)


def mean_loss(logits, labels, value):
    """-log of the mean over samples of softmax(logits / value)."""
    scaled = np.exp(np.asarray(logits, "float64") / value)
    probabilities = (scaled / scaled.sum(-1, keepdims=True)).mean(0)
    return -np.log(probabilities[np.arange(len(labels)), labels]).mean()


class TemperatureTest:
    def test_divides_and_survives_saving(self, tmp_path, images):
        network = small_networks.make_network(stochastic=False)
        model = temperature.with_temperature(network, 2.5)
        np.testing.assert_allclose(
            model(images), network(images) / 2.5, rtol=1e-6
        )
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert temperature.temperature_of(loaded) == 2.5
        np.testing.assert_array_equal(loaded(images), model(images))
        plain = temperature.without_temperature(loaded)
        assert temperature.temperature_of(plain) is None
        np.testing.assert_array_equal(plain(images), network(images))

    @pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf")])
    def test_must_be_positive(self, value):
        with pytest.raises(ValueError, match="must be positive"):
            mp_keras.Temperature(value)


class FitTemperatureTest:
    def test_sure_classifier_by_hand(self):
        """Logits ±4, right 3 times of 4: sigmoid(8 / T) must be 3 / 4."""
        model, numbers = table_model([[4, -4]] * 4)
        fitted = mp_keras.fit_temperature(model, numbers, [0, 0, 0, 1])
        found = temperature.temperature_of(fitted)
        assert found == pytest.approx(8 / np.log(3), rel=1e-4)

    def test_two_classes_that_are_always_right_end_at_the_bound(self):
        model, numbers = table_model([[1, 0], [0, 1]])
        fitted = mp_keras.fit_temperature(model, numbers, [0, 1])
        found = temperature.temperature_of(fitted)
        assert found == pytest.approx(temperature.BOUNDS[0])

    def test_noise_is_averaged_before_the_logarithm(self, images, labels):
        network = small_networks.make_network()
        fitted = mp_keras.fit_temperature(network, images, labels, samples=3)
        logits = monte_carlo.sample_logits(network, images, 3)
        assert np.std(logits, axis=0).min() > 0
        values = np.geomspace(*temperature.BOUNDS, 4001)
        losses = [mean_loss(logits, labels, value) for value in values]
        best = values[int(np.argmin(losses))]
        found = temperature.temperature_of(fitted)
        assert found == pytest.approx(best, rel=3e-3)

    def test_is_repeatable_and_replaces_an_older_one(self, images, labels):
        network = small_networks.make_network()
        once = mp_keras.fit_temperature(network, images, labels, 2)
        again = mp_keras.fit_temperature(once, images, labels, 2)
        assert temperature.temperature_of(once) == temperature.temperature_of(
            again
        )
        assert len(again.layers) == len(network.layers) + 1

    def test_ensembles_and_deterministic_forms(self, images, labels):
        members = [small_networks.make_network(seed=s) for s in (1, 5)]
        ensemble = baselines.deep_ensemble(
            [mp_keras.deterministic(member) for member in members]
        )
        fitted = mp_keras.fit_temperature(ensemble, images, labels)
        found = temperature.temperature_of(fitted)
        np.testing.assert_allclose(
            fitted(images), ensemble(images) / found, rtol=1e-5
        )
        still = mp_keras.deterministic(fitted)
        assert temperature.temperature_of(still) == found

    def test_fine_tuning_ignores_it(self, images, labels):
        source = mp_keras.networks.Conv4(3, (16, 16, 3), channels=4)
        target = mp_keras.networks.Conv4(5, (16, 16, 3), channels=4)
        hot = temperature.with_temperature(source, 3.0)
        assert baselines.transfer_weights(hot, target) == 4
        np.testing.assert_array_equal(
            target.layers[1].get_weights()[0], source.layers[1].get_weights()[0]
        )

    def test_wrong_arguments_raise(self, images, labels):
        network = small_networks.make_network()
        with pytest.raises(ValueError, match=r"in \[0, 3\)"):
            mp_keras.fit_temperature(network, images, labels + 1, 1)
        with pytest.raises(ValueError, match="shapes"):
            mp_keras.fit_temperature(network, images, labels[:3], 1)
        with pytest.raises(ValueError, match="functional or built"):
            mp_keras.fit_temperature("network", images, labels)
        ended = keras.Sequential([network, keras.layers.Softmax()])
        with pytest.raises(ValueError, match="ends in softmax"):
            mp_keras.fit_temperature(ended, images, labels)
        network.layers[-1].set_weights(
            [np.nan * w for w in network.layers[-1].get_weights()]
        )
        with pytest.raises(FloatingPointError, match="finite"):
            mp_keras.fit_temperature(network, images, labels, 1)


class SampleLogitsTest:
    @pytest.mark.long  # hundreds of samples
    def test_samples_differ_and_their_mean_is_that_of_the_prediction(self):
        network = small_networks.make_network()
        images = small_networks.draw_images(5, 8, 8, 3)
        logits = monte_carlo.sample_logits(network, images, 300, batch_size=2)
        assert logits.shape == (300, 5, small_networks.CLASSES)
        assert len(np.unique(logits[:, 0, 0])) == 300
        mean = np.mean(keras.ops.softmax(logits), axis=0)
        other = mp_keras.monte_carlo_predict(network, images, 300)
        np.testing.assert_allclose(mean, other, atol=0.03)

    def test_one_serves_a_network_without_noise(self):
        network = small_networks.make_network(stochastic=False)
        images = small_networks.draw_images(5, 8, 8, 3)
        logits = monte_carlo.sample_logits(network, images, 30)
        np.testing.assert_allclose(logits, network(images)[None], rtol=1e-5)
