"""Attacks on a network with noise: averaged, repeatable, without traces."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import mp_keras
from mp_keras.evaluation import attacks
from tests import small_networks


def noisy_network():
    keras.utils.set_random_seed(0)  # the same one at every call
    model = small_networks.make_network()
    model(small_networks.draw_images(8, 8, 8, 3), training=True)
    images = np.random.default_rng(0).uniform(0.3, 0.7, (6, 8, 8, 3))
    return model, images.astype("float32"), np.arange(6) % 3


def attack(model, images, labels, **options):
    options = {"norm": "linf", "epsilon": 0.1, "steps": 3, **options}
    return attacks.adversarial_images(model, images, labels, **options)


class NoiseTest:
    def direction(self, **options):
        """The gradient that one step has followed, of length 1."""
        model, images, labels = noisy_network()
        adversarial = attack(
            model,
            images,
            labels,
            norm="l2",
            steps=1,
            random_start=False,
            **options,
        )
        change = (adversarial - images) / (0.025 * 0.1)
        np.testing.assert_allclose(
            np.linalg.norm(change.reshape(6, -1), axis=1), 1, rtol=1e-3
        )
        return change

    def test_more_samples_repeat_better(self):
        """Two attackers with other noise agree, once they average."""
        cosines = [
            np.sum(
                np.prod(
                    [
                        self.direction(gradient_samples=count, seed=seed)
                        for seed in (0, 1)
                    ],
                    axis=0,
                )
            )
            / 6
            for count in (1, 32)
        ]
        assert cosines[1] > 0.8
        assert cosines[0] < cosines[1] - 0.2

    def test_steps_and_seeds_have_noise_of_their_own(self):
        one, other = (
            self.direction(gradient_samples=1, seed=seed) for seed in (0, 1)
        )
        assert np.abs(one - other).max() > 0.01
        model, images, labels = noisy_network()
        twice = attack(
            model,
            images,
            labels,
            norm="l2",
            steps=2,
            gradient_samples=1,
            random_start=False,
        )
        second = (twice - images) / (0.025 * 0.1) - one
        assert np.abs(second - one).max() > 0.01

    def test_seed_repeats_the_attack(self):
        model, images, labels = noisy_network()
        first, again, other = (
            attack(model, images, labels, gradient_samples=2, seed=seed)
            for seed in (3, 3, 4)
        )
        np.testing.assert_array_equal(first, again)
        assert np.mean(first != other) > 0.9

    def test_model_and_global_generator_stay_as_they_are(self):
        model, images, labels = noisy_network()
        before = [np.array(variable) for variable in model.variables]
        tf.random.set_seed(1)
        expected = tf.random.uniform(()).numpy()
        tf.random.set_seed(1)
        attacks.robust_accuracy(
            model, images, labels, "l1", [1.0], steps=2, samples=2
        )
        assert tf.random.uniform(()).numpy() == expected
        for variable, old in zip(model.variables, before):
            np.testing.assert_array_equal(variable, old, variable.path)

    def test_clean_accuracy_is_that_of_monte_carlo_prediction(self):
        model, images, _ = noisy_network()
        probabilities = mp_keras.monte_carlo_predict(
            model, 2 * images - 1, samples=4
        )
        labels = probabilities.argmax(axis=1)
        labels[:2] = (labels[:2] + 1) % 3
        actual = attacks.robust_accuracy(
            model, images, labels, "l2", [], samples=4
        )
        assert actual == {0.0: pytest.approx(100 * 4 / 6)}
