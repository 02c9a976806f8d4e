"""Temperatures against a search by hand, and what they leave as it was."""

import keras
import numpy as np
import pytest
import scipy.special

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
    """Of the mean over samples of softmax(logits / value), half an error more.

    As if half an image, with the mean of all predictions, had another label.
    """
    scaled = np.exp(np.asarray(logits, "float64") / value)
    probabilities = (scaled / scaled.sum(-1, keepdims=True)).mean(0)
    count = len(labels)
    own = probabilities[np.arange(count), labels]
    weights = np.array([[count + 0.5], [0.5]]) / (count + 1)
    return -(weights * np.log([own, 1 - own])).sum(0).mean()


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
        """Logits ±4, right 3 times of 4: sigmoid(8 / T) must be 3.5 / 5."""
        model, numbers = table_model([[4, -4]] * 4)
        fitted = mp_keras.fit_temperature(model, numbers, [0, 0, 0, 1])
        found = temperature.temperature_of(fitted)
        assert found == pytest.approx(8 / np.log(3.5 / 1.5), rel=1e-4)

    @pytest.mark.parametrize("gap", [1, 30])
    @pytest.mark.parametrize("count", [2, 50])
    def test_what_is_always_right_is_not_infinitely_sure(self, gap, count):
        """Right each time: sigmoid(gap / T) must be 1 - 0.5 / (n + 1)."""
        model, numbers = table_model([[gap, 0], [0, gap]] * (count // 2))
        fitted = mp_keras.fit_temperature(model, numbers, [0, 1] * (count // 2))
        error = 0.5 / (count + 1)
        expected = gap / np.log((1 - error) / error)
        found = temperature.temperature_of(fitted)
        assert found == pytest.approx(expected, rel=1e-4)

    def test_many_images_leave_the_best_likelihood(self):
        random = np.random.default_rng(0)
        logits = 3 * random.normal(size=(4000, 5))
        labels = (logits / 2 + random.gumbel(size=logits.shape)).argmax(1)
        model, numbers = table_model(logits)
        fitted = mp_keras.fit_temperature(model, numbers, labels, 1)
        values = np.geomspace(1.5, 2.7, 600)
        best = np.argmin(
            [
                -scipy.special.log_softmax(logits / value, 1)[
                    np.arange(4000), labels
                ].mean()
                for value in values
            ]
        )
        found = temperature.temperature_of(fitted)
        assert found == pytest.approx(values[best], rel=3e-3)

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
        with pytest.raises(ValueError, match="`samples` must be at least 1"):
            mp_keras.fit_temperature(network, images, labels, 0)
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
