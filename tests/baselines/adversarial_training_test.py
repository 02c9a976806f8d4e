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


def unnormalized_network(dtype="float32"):
    """From pixels in [0, 255] to logits."""
    inputs = keras.Input((6, 6, 3), dtype=dtype)
    scaled = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    return keras.Model(inputs, make_network()(scaled))


class LabelsAndImagesTest:
    @pytest.mark.parametrize("dtype", ["uint8", "int32", "float64", "float16"])
    def test_images_of_any_type_are_attacked_as_floats(self, dtype):
        rng, labels = np.random.default_rng(0), batch()[1]
        images = rng.integers(0, 256, (8, 6, 6, 3)).astype(dtype)
        model = baselines.AdversarialTraining(
            unnormalized_network(), 8, steps=3, bounds=(0, 255)
        )
        expected, actual = (
            model.attack(given, labels, np.zeros_like(given))
            for given in (images.astype("float32"), images)
        )
        assert actual.dtype == tf.float32
        np.testing.assert_array_equal(actual, expected)
        assert np.abs(actual - images.astype("float32")).max() == 8

    @pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
    @pytest.mark.parametrize("dtype", ["uint8", "float64"])
    def test_fit_takes_them(self, dtype, norm):
        images = np.zeros((8, 6, 6, 3), dtype)
        model = baselines.adversarial_model(
            unnormalized_network(), 8, norm=norm, steps=1, bounds=(0, 255)
        )
        model.compile("sgd", LOSS)
        data = tf.data.Dataset.from_tensor_slices((images, batch()[1]))
        loss = model.fit(data.batch(8), verbose=0).history["loss"]
        assert np.all(np.isfinite(loss))

    def test_integer_images_beyond_the_bounds_raise(self):
        images = np.full((8, 6, 6, 3), 200, "uint8")
        model = baselines.adversarial_model(make_network(), 0.2, steps=1)
        model.compile("sgd", LOSS)
        with pytest.raises(tf.errors.InvalidArgumentError, match="`bounds`"):
            model.fit(images, batch()[1], verbose=0)

    def test_network_of_integers_raises(self):
        with pytest.raises(ValueError, match="images of floats.*uint8"):
            baselines.adversarial_model(unnormalized_network("uint8"), 8)

    @pytest.mark.parametrize("layer", [layers.Softmax(), layers.Dense(1)])
    def test_network_without_logits_of_classes_raises(self, layer):
        network = keras.Sequential([make_network(), layer])
        with pytest.raises(ValueError, match="must (end in|have a) logit"):
            baselines.adversarial_model(network, 0.2)

    def test_images_of_another_rank_raise(self):
        model = baselines.AdversarialTraining(make_network(), 0.2)
        with pytest.raises(ValueError, match=r"images.*\(8, 6, 6\)"):
            model.attack(np.zeros((8, 6, 6)), batch()[1], np.zeros((8, 6, 6)))

    def test_one_hot_labels_are_the_same_labels(self):
        images, labels = batch()
        model = baselines.AdversarialTraining(make_network(), 0.2, steps=3)
        expected, *others = (
            model.attack(images, given, np.zeros_like(images))
            for given in (
                labels,
                labels[:, None],
                np.eye(3)[labels],
                np.eye(3, dtype="int32")[labels],
            )
        )
        for other in others:
            np.testing.assert_allclose(other, expected, atol=1e-6)

    def test_soft_labels_are_attacked_as_such(self):
        images, _ = batch()
        soft = np.random.default_rng(0).dirichlet(np.ones(3), 8)
        network = make_network()
        model = baselines.AdversarialTraining(
            network, 0.01, "l2", steps=1, relative_step=1
        )
        moved = model.attack(images, soft, np.zeros_like(images)) - images
        losses = keras.losses.CategoricalCrossentropy(from_logits=True)
        with tf.GradientTape() as tape:
            watched = tf.constant(images)
            tape.watch(watched)
            loss = losses(soft, network(watched))
        gradient = np.array(tape.gradient(loss, watched))
        size = np.sqrt((gradient**2).sum(axis=(1, 2, 3), keepdims=True))
        clipped = np.clip(images + 0.01 * gradient / size, -1, 1) - images
        np.testing.assert_allclose(moved, clipped, atol=1e-6)

    @pytest.mark.parametrize("structure", [dict, list, None])
    def test_fit_with_categorical_cross_entropy(self, structure):
        def packed(name, tensor):
            return {dict: {name: tensor}, list: [tensor]}.get(structure, tensor)

        images, labels = batch()
        plain = make_network()
        network = keras.Model(
            packed("images", plain.input), packed("classes", plain.output)
        )
        model = baselines.adversarial_model(network, 0.2, steps=2, seed=0)
        model.compile(
            keras.optimizers.Adam(0.02),
            keras.losses.CategoricalCrossentropy(from_logits=True),
        )
        history = model.fit(
            packed("images", images),
            packed("classes", np.eye(3)[labels]),
            epochs=8,
            verbose=0,
        ).history["loss"]
        assert history[-1] < history[0] - 0.1


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
