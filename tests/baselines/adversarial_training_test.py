"""Adversarial training: its attack against foolbox and by hand."""

import foolbox
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from mp_keras import baselines
from tests import small_networks

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
FOOLBOX = {
    "linf": foolbox.attacks.LinfPGD,
    "l2": foolbox.attacks.L2PGD,
    "l1": foolbox.attacks.L1PGD,
}


def make_network(seed=0):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((6, 6, 3))
    features = layers.Conv2D(5, 3, activation="tanh")(inputs)
    features = layers.Flatten()(features)
    return keras.Model(inputs, layers.Dense(3)(features))


def batch():
    images = 0.4 * small_networks.draw_images(8, 6, 6, 3)
    return np.clip(images, -1, 1), np.arange(8) % 3


class AttackTest:
    @pytest.mark.parametrize("norm", FOOLBOX)
    def test_images_without_a_gradient_stay(self, norm):
        network, (images, labels) = make_network(), batch()
        network.set_weights([0 * weight for weight in network.get_weights()])
        model = baselines.AdversarialTraining(network, 0.5, norm, steps=3)
        attacked = model.attack(images, labels, np.zeros_like(images))
        np.testing.assert_array_equal(attacked, images)

    @pytest.mark.parametrize(
        ("norm", "epsilon"), [("linf", 0.1), ("l2", 0.7), ("l1", 5.0)]
    )
    def test_equals_foolbox_from_the_same_start(self, norm, epsilon):
        network, (images, labels) = make_network(), batch()
        model = baselines.AdversarialTraining(
            network, epsilon, norm, steps=7, relative_step=0.2
        )
        start = np.zeros_like(images)
        actual = model.attack(images, labels, start)
        attack = FOOLBOX[norm](rel_stepsize=0.2, steps=7, random_start=False)
        reference = foolbox.TensorFlowModel(network, bounds=(-1, 1))
        expected, _, _ = attack(
            reference,
            tf.constant(images),
            foolbox.criteria.Misclassification(tf.constant(labels)),
            epsilons=epsilon,
        )
        np.testing.assert_allclose(actual, expected, atol=1e-5)
        assert np.abs(actual - images).max() > 0.3 * 0.1

    @pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
    def test_stays_in_ball_and_bounds(self, norm):
        network, (images, labels) = make_network(), batch()
        model = baselines.AdversarialTraining(network, 0.9, norm, seed=0)
        start = model.random_start(tf.constant(images))
        change = np.array(model.attack(images, labels, start)) - images
        sizes = {
            "linf": np.abs(change).max(axis=(1, 2, 3)),
            "l2": np.sqrt((change**2).sum(axis=(1, 2, 3))),
            "l1": np.abs(change).sum(axis=(1, 2, 3)),
        }[norm]
        assert np.all(sizes <= 0.9 + 1e-4)
        assert np.all(np.abs(images + change) <= 1 + 1e-6)
        assert np.all(np.array(start) != 0)

    @pytest.mark.parametrize(
        ("norm", "expected"),
        # Mean norm of a uniform point of the ball in n dimensions.
        [("l2", 108 / 109), ("l1", 108 / 109)],
    )
    def test_random_start_is_uniform_in_the_ball(self, norm, expected):
        model = baselines.AdversarialTraining(make_network(), 2.0, norm, seed=0)
        points = np.array(model.random_start(tf.zeros((400, 6, 6, 3))))
        sizes = np.abs(points).sum(axis=(1, 2, 3))
        if norm == "l2":
            sizes = np.sqrt((points**2).sum(axis=(1, 2, 3)))
        assert np.mean(sizes / 2.0) == pytest.approx(expected, abs=0.003)
        assert abs(np.mean(points > 0) - 0.5) < 0.02

    def test_raises_the_loss(self):
        network, (images, labels) = make_network(), batch()
        model = baselines.AdversarialTraining(network, 0.2, steps=10)
        attacked = model.attack(images, labels, np.zeros_like(images))
        assert LOSS(labels, network(attacked)) > 1.2 * LOSS(
            labels, network(images)
        )


class FitTest:
    def test_robustness_is_learned(self):
        images, labels = batch()
        losses = []
        for wrap in (
            lambda n: n,
            lambda n: baselines.adversarial_model(n, 0.2, steps=5, seed=0),
        ):
            network = make_network()
            model = wrap(network)
            model.compile(keras.optimizers.Adam(0.01), LOSS)
            model.fit(images, labels, batch_size=8, epochs=30, verbose=0)
            judge = baselines.AdversarialTraining(network, 0.2, steps=20)
            attacked = judge.attack(images, labels, np.zeros_like(images))
            losses.append(float(LOSS(labels, network(attacked))))
        assert losses[1] < 0.8 * losses[0]

    def test_attack_leaves_batch_norm_alone(self):
        inputs = keras.Input((6, 6, 3))
        norm = layers.BatchNormalization()
        features = layers.GlobalAveragePooling2D()(norm(inputs))
        network = keras.Model(inputs, layers.Dense(3)(features))
        model = baselines.AdversarialTraining(network, 0.2, steps=5)
        images, labels = batch()
        model.attack(images, labels, np.zeros_like(images))
        np.testing.assert_array_equal(norm.moving_mean, np.zeros(3))

    def test_images_beyond_the_bounds_raise(self):
        images, labels = batch()
        model = baselines.adversarial_model(make_network(), 0.2, steps=1)
        model.compile("sgd", LOSS)
        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            model.fit(128 + 127 * images, labels, verbose=0)
        assert "`bounds`=(-1.0, 1.0)" in str(error.value)

    def test_rounding_beyond_the_bounds_is_none(self):
        images, labels = batch()
        model = baselines.AdversarialTraining(make_network(), 0.2, steps=1)
        attacked = model.attack(1.001 * images, labels, 0 * images)
        assert np.abs(attacked).max() <= 1

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"epsilon": 0.1, "norm": "l3"}, r"\('linf', 'l2', 'l1'\).*'l3'"),
            ({"epsilon": 0.0}, "`epsilon` must be positive.*epsilon=0.0"),
            ({"epsilon": 0.1, "steps": 0}, "steps=0"),
            ({"epsilon": 0.1, "relative_step": 0}, "relative_step=0"),
            ({"epsilon": 0.1, "bounds": (1, -1)}, r"bounds=\(1, -1\)"),
        ],
    )
    def test_wrong_argument_raises(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            baselines.AdversarialTraining(make_network(), **arguments)
