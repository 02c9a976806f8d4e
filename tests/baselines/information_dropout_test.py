"""Information Dropout: noise, penalty and what is learned."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras import baselines
from mp_keras.evaluation import monte_carlo
from tests import small_networks


def make_layer(channels=3, **arguments):
    layer = baselines.InformationDropout(
        **{"beta": 0.5, "seed": 0, **arguments}
    )
    layer.build((None, 6, 5, channels))
    rng = np.random.default_rng(1)
    layer.kernel.assign(rng.normal(0, 0.4, layer.kernel.shape))
    layer.bias.assign(rng.normal(0, 0.4, channels))
    return layer


def part_by_hand(layer, h):
    kernel, bias = np.array(layer.kernel), np.array(layer.bias)
    padded = np.pad(h, ((0, 0), (1, 1), (1, 1), (0, 0)))
    response = bias + sum(
        padded[:, i : i + h.shape[1], j : j + h.shape[2]] @ kernel[i, j]
        for i in range(3)
        for j in range(3)
    )
    return 1e-3 + (1 - 1e-3) / (1 + np.exp(-response))


class NumbersTest:
    def test_noise_is_log_normal_with_the_learned_spread(self):
        layer, h = make_layer(), small_networks.draw_images(2, 6, 5, 3)
        samples = np.array([layer(h, training=True) for _ in range(1000)])
        logs = np.log(samples / h)
        alpha = 0.7 * part_by_hand(layer, h)
        np.testing.assert_allclose(logs.std(axis=0), alpha, rtol=0.15)
        error = np.abs(logs.mean(axis=0)) / (alpha / np.sqrt(1000))
        assert error.max() < 5  # standard errors, 180 units

    def test_penalty_is_that_of_the_passing_units(self):
        layer, h = make_layer(), small_networks.draw_images(2, 6, 5, 3)
        layer(h, training=True)
        units = -np.log(part_by_hand(layer, h)) * (h > 0)
        expected = 0.5 * units.sum(axis=(1, 2, 3)).mean()
        assert float(layer.losses[0]) == pytest.approx(expected, rel=1e-4)

    @pytest.mark.parametrize("floatx", ["float16", "float64"])
    def test_penalty_is_of_the_type_of_losses(self, floatx):
        """Keras adds them up and casts none."""
        layer, h = make_layer(), small_networks.draw_images(2, 6, 5, 3)
        layer(h, training=True)
        expected = float(layer.losses[0])
        keras.config.set_floatx(floatx)
        try:
            layer(h, training=True)
            loss = layer.losses[-1]
        finally:
            keras.config.set_floatx("float32")
        assert keras.backend.standardize_dtype(loss.dtype) == floatx
        assert float(loss) == pytest.approx(expected, rel=1e-3)

    def test_test_mode_is_the_identity_without_penalty(self):
        layer, h = make_layer(), small_networks.draw_images(2, 6, 5, 3)
        np.testing.assert_array_equal(layer(h), h)
        assert layer.losses == []

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"beta": -1.0}, "`beta`.*beta=-1.0"),
            ({"beta": 1.0, "max_alpha": 0}, "`max_alpha`.*max_alpha=0"),
        ],
    )
    def test_wrong_argument_raises(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            baselines.InformationDropout(**arguments)


class ModelTest:
    def test_large_beta_teaches_more_noise(self):
        images = small_networks.draw_images(32, 8, 8, 3)
        labels = np.arange(32) % 3
        parts = []
        for beta in (0.0, 1.0):
            keras.utils.set_random_seed(0)
            plain = keras.Sequential(
                [
                    keras.Input((8, 8, 3)),
                    keras.layers.Conv2D(4, 3, activation="relu"),
                    keras.layers.GlobalAveragePooling2D(),
                    keras.layers.Dense(3),
                ]
            )
            network = baselines.information_dropout_model(plain, beta, seed=0)
            network.compile(
                keras.optimizers.Adam(0.01),
                keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            )
            network.fit(images, labels, batch_size=8, epochs=10, verbose=0)
            layer = network.get_layer("information_dropout_0")
            bias = np.mean(layer.bias)
            parts.append(float(bias))
            assert monte_carlo.noisy_layers(network) == []
        assert parts[1] > parts[0] + 0.1  # mean bias of the noise

    def test_saved_model_predicts_the_same(self, tmp_path):
        plain = mp_keras.networks.Conv4(3, (16, 16, 3), channels=4)
        network = baselines.information_dropout_model(plain, 0.1)
        images = small_networks.draw_images(2, 16, 16, 3)
        network.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(loaded(images), network(images))

    def test_noise_in_test_is_averaged_and_can_be_silenced(self):
        plain = mp_keras.networks.Conv4(3, (16, 16, 3), channels=4)
        network = baselines.information_dropout_model(
            plain, 0.1, seed=0, noisy_in_test=True
        )
        assert len(monte_carlo.noisy_layers(network)) == 4
        images = small_networks.draw_images(4, 16, 16, 3)
        single, averaged, again = (
            mp_keras.monte_carlo_predict(network, images, samples)
            for samples in (1, 50, 50)
        )
        np.testing.assert_array_equal(averaged, again)
        assert np.abs(single - averaged).max() > 1e-4
        assert network.losses == []  # the penalty is that of training
        still = mp_keras.deterministic(network)
        np.testing.assert_allclose(still(images), plain(images), rtol=1e-5)
