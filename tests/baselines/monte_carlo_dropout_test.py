"""Monte Carlo dropout: noise in test, averaged and repeatable."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras import baselines
from mp_keras.evaluation import monte_carlo
from tests import small_networks


@pytest.fixture(scope="module")
def network():
    plain = mp_keras.networks.Conv4(3, (16, 16, 3), channels=4)
    return baselines.monte_carlo_dropout_model(plain, 0.3, seed=5)


@pytest.fixture(scope="module")
def images():
    return small_networks.draw_images(4, 16, 16, 3)


class MonteCarloDropoutTest:
    def test_drops_its_share_in_test(self):
        layer = baselines.MonteCarloDropout(0.3, seed=0)
        outputs = np.array(layer(np.ones((40, 10, 10, 8), "float32")))
        assert np.mean(outputs == 0) == pytest.approx(0.3, abs=0.01)
        assert outputs.max() == pytest.approx(1 / 0.7)

    def test_every_position_is_a_noise_stream(self, network):
        layers = monte_carlo.noisy_layers(network)
        assert [layer.name for layer in layers] == [
            f"monte_carlo_dropout_{index}" for index in range(4)
        ]
        assert [layer.seed for layer in layers] == [5, 6, 7, 8]
        assert not baselines.MonteCarloDropout(0.0).noisy_in_test

    def test_prediction_averages_and_repeats(self, network, images):
        averaged, again, single = (
            mp_keras.monte_carlo_predict(network, images, samples)
            for samples in (200, 200, 1)
        )
        np.testing.assert_array_equal(averaged, again)
        softmax = keras.ops.softmax
        drawn = np.mean(
            [np.array(softmax(network(images))) for _ in range(400)], axis=0
        )
        np.testing.assert_allclose(averaged, drawn, atol=0.06)
        assert np.abs(single - drawn).max() > np.abs(averaged - drawn).max()

    def test_saved_model_has_the_layer(self, network, tmp_path):
        network.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert len(monte_carlo.noisy_layers(loaded)) == 4
