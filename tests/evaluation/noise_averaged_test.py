"""Averaged gradients against a tape through the averaged probabilities."""

import keras
import numpy as np
import tensorflow as tf

import mp_keras
from mp_keras.evaluation import noise_averaged
from tests import small_networks

SEED, STEP, SAMPLES = 7, 2, 3


def make_example():
    model = small_networks.make_network()
    model(small_networks.draw_images(8, 8, 8, 3), training=True)
    pixels = np.random.default_rng(0).uniform(0, 1, (5, 8, 8, 3))
    return model, tf.constant(pixels, "float32"), tf.constant([0, 1, 2, 0, 1])


def unit_rows(array):
    rows = np.reshape(array, (len(array), -1))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def gradient_of(model, pixels, labels, samples=SAMPLES):
    gradient = noise_averaged.mean_gradient(model, samples)
    return gradient(pixels, labels, tf.constant(SEED), tf.constant(STEP))


class MeanGradientTest:
    def test_direction_is_that_of_the_log_of_the_mean(self):
        model, pixels, labels = make_example()
        noisy = mp_keras.MonteCarloClassifier(model)
        first = noise_averaged.FIRST_DRAW + STEP * SAMPLES
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            total = sum(
                noisy.sample(2 * pixels - 1, SEED, first + index)
                for index in range(SAMPLES)
            )
            loss = -tf.math.log(tf.gather(total, labels, batch_dims=1))
        np.testing.assert_allclose(
            unit_rows(gradient_of(model, pixels, labels)),
            unit_rows(tape.gradient(loss, pixels)),
            atol=1e-4,
        )

    def test_certain_network_keeps_its_gradient(self):
        """Where all probabilities are 0 or 1, their own gradient is 0."""
        model, pixels, labels = make_example()
        dense = model.layers[-1]
        dense.kernel.assign(dense.kernel * 1e4)
        direction = gradient_of(model, pixels, labels).numpy()
        assert np.all(np.isfinite(direction))
        largest = np.abs(direction).reshape(5, -1).max(axis=1)
        assert np.all(largest > 1e-3)

    def test_model_without_noise_is_asked_once(self):
        inputs = keras.Input((8, 8, 3))
        features = keras.layers.Flatten()(inputs)
        model = keras.Model(inputs, keras.layers.Dense(3)(features))
        _, pixels, labels = make_example()
        np.testing.assert_array_equal(
            gradient_of(model, pixels, labels, samples=50),
            gradient_of(model, pixels, labels, samples=1),
        )


class MeanProbabilitiesTest:
    def test_is_the_monte_carlo_prediction_of_normalized_pixels(self):
        model, pixels, _ = make_example()
        expected = mp_keras.monte_carlo_predict(
            model, 2 * pixels - 1, samples=4, seed=SEED
        )
        actual = noise_averaged.mean_probabilities(model, 4)
        np.testing.assert_allclose(
            actual(pixels, tf.constant(SEED)), expected, rtol=1e-4, atol=1e-6
        )
