"""Attacks on linear classifiers, whose worst case is a formula."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mp_keras import baselines
from mp_keras.evaluation import attacks

SHAPE = (2, 2, 1)
ORDERS = {"l1": 1, "l2": 2, "linf": np.inf}
EPSILONS = (0.02, 0.06)


def linear(weights, name="linear"):
    """Logits `(x - 0.5) / 0.5 @ weights`, x the four pixels."""
    inputs = keras.Input(SHAPE)
    dense = keras.layers.Dense(weights.shape[1], use_bias=False)
    model = keras.Model(
        inputs, dense(keras.layers.Flatten()(inputs)), name=name
    )
    dense.kernel.assign(weights)
    return model


def two_classes(scale=1.0):
    """Weights, gray images near the decision, and labels, some wrong."""
    rng = np.random.default_rng(0)
    weights = rng.normal(0, scale, (4, 2)).astype("float32")
    images = rng.uniform(0.35, 0.65, (40, *SHAPE)).astype("float32")
    logits = (2 * images.reshape(40, 4) - 1) @ weights
    labels = logits.argmax(axis=1)
    labels[:3] = 1 - labels[:3]
    return weights, images, labels


def margins(weights, images, labels):
    """How far each label's logit is ahead of the other."""
    logits = (2 * images.reshape(len(images), 4) - 1) @ weights
    rows = np.arange(len(labels))
    return logits[rows, labels] - logits[rows, 1 - labels]


def loss_of_margin(weights, norm, epsilon):
    """What the best step of this radius takes from a margin of two classes.

    The pixels count twice, through normalization. For l1, foolbox goes along
    the gradient too, instead of into its largest coordinate.
    """
    difference = weights[:, 0] - weights[:, 1]
    l1 = np.abs(difference).sum()
    squares = np.sum(difference**2)
    fall = {"linf": l1, "l2": np.sqrt(squares), "l1": squares / l1}[norm]
    return 2 * epsilon * fall


def attack(model, images, labels, **options):
    options = {"norm": "linf", "epsilon": 0.1, "steps": 3, **options}
    return attacks.adversarial_images(model, images, labels, **options)


class LinearClassifierTest:
    @pytest.mark.parametrize("random_start", [False, True])
    @pytest.mark.parametrize("norm", ORDERS)
    def test_accuracy_is_that_of_the_formula(self, norm, random_start):
        weights, images, labels = two_classes()
        radii = [e * (4 if norm == "l1" else 1) for e in EPSILONS]
        actual = attacks.robust_accuracy(
            linear(weights),
            images,
            labels,
            norm,
            radii,
            steps=90,
            random_start=random_start,
            batch_size=24,
        )
        ahead = margins(weights, images, labels)
        expected = {
            radius: 100 * np.mean(ahead > loss_of_margin(weights, norm, radius))
            for radius in (0.0, *radii)
        }
        assert len(set(expected.values())) == 3
        assert expected[0.0] == 92.5
        assert actual == pytest.approx(expected)
        assert list(actual) == [0.0, *radii]

    @pytest.mark.parametrize("norm", ORDERS)
    def test_images_are_on_the_ball_in_the_worst_direction(self, norm):
        weights, images, labels = two_classes()
        adversarial = attack(
            linear(weights),
            images,
            labels,
            norm=norm,
            epsilon=0.1,
            steps=60,
            random_start=False,
        )
        change = (adversarial - images).reshape(40, 4)
        lengths = np.linalg.norm(change, ord=ORDERS[norm], axis=1)
        np.testing.assert_allclose(lengths, 0.1, rtol=1e-4)
        taken = margins(weights, images, labels)
        taken -= margins(weights, adversarial, labels)
        expected = loss_of_margin(weights, norm, 0.1)
        np.testing.assert_allclose(taken, expected, rtol=1e-3)

    def test_confident_classifier_hides_no_gradient(self):
        """Margins of hundreds: float32 probabilities are 0 and 1."""
        weights, images, labels = two_classes(scale=2000.0)
        ahead = margins(weights, images, labels)
        assert np.median(np.abs(ahead)) > 200
        actual = attacks.robust_accuracy(
            linear(weights),
            images,
            labels,
            "linf",
            [0.02],
            steps=50,
            random_start=False,
        )
        worst = loss_of_margin(weights, "linf", 0.02)
        assert actual[0.02] == 100 * np.mean(ahead > worst) < actual[0.0]

    @pytest.mark.parametrize("norm", ORDERS)
    def test_pixels_stay_in_range(self, norm):
        weights, images, labels = two_classes()
        images = np.round(images)  # black and white
        adversarial = attack(
            linear(weights), images, labels, norm=norm, epsilon=1.5, steps=40
        )
        assert adversarial.min() == 0 and adversarial.max() == 1
        change = (adversarial - images).reshape(40, 4)
        lengths = np.linalg.norm(change, ord=ORDERS[norm], axis=1)
        assert np.all(lengths <= 1.5 + 1e-5)

    def test_bytes_are_pixels_of_255(self):
        weights, images, labels = two_classes()
        whole = np.uint8(np.round(255 * images))
        np.testing.assert_allclose(
            attack(linear(weights), whole, labels),
            attack(linear(weights), whole.astype("float32") / 255, labels),
            atol=1e-7,
        )


class KindsOfModelTest:
    def test_model_that_takes_pixels_is_attacked_as_one_of_normalized(self):
        weights, images, labels = two_classes()
        inner = linear(weights)
        inputs = keras.Input(SHAPE)
        scaled = keras.layers.Rescaling(1 / 127.5, -1)(inputs)
        whole = keras.Model(inputs, inner(scaled))
        np.testing.assert_allclose(
            attack(whole, images, labels, normalize=False),
            attack(inner, images, labels),
            atol=1e-6,
        )
        accuracy = [
            attacks.robust_accuracy(
                model, images, labels, "linf", EPSILONS, 3, normalize=normalized
            )
            for model, normalized in ((whole, False), (inner, True))
        ]
        assert accuracy[0] == accuracy[1]
        assert accuracy[0][EPSILONS[1]] < accuracy[0][0.0]

    def test_wrappers_and_subclasses_are_attacked_as_their_network(self):
        weights, images, labels = two_classes()
        network = linear(weights)

        class Subclassed(keras.Model):
            def call(self, inputs, training=False):
                return network(inputs)

        subclassed = Subclassed()
        subclassed(images)
        expected = attack(network, images, labels)
        for model in (baselines.Mixup(network, 0.2), subclassed):
            actual = attack(model, images, labels)
            np.testing.assert_array_equal(actual, expected)


class FlatTest:
    @pytest.mark.parametrize("norm", ORDERS)
    def test_images_without_a_gradient_stay(self, norm):
        """A ReLU cuts off every second image: its loss is flat."""
        weights, images, labels = two_classes()
        images[::2] = 0.4 * images[::2]  # below 0, once normalized
        images[1::2] = 0.4 * images[1::2] + 0.6
        inputs = keras.Input(SHAPE)
        dense = keras.layers.Dense(2, use_bias=False)
        positive = keras.layers.ReLU()(keras.layers.Flatten()(inputs))
        model = keras.Model(inputs, dense(positive))
        dense.kernel.assign(weights)
        adversarial = attack(
            model, images, labels, norm=norm, epsilon=0.05, random_start=False
        )
        np.testing.assert_array_equal(adversarial[::2], images[::2])
        moved = np.abs(adversarial - images)[1::2].max(axis=(1, 2, 3))
        assert np.all(np.isfinite(adversarial)) and np.all(moved > 1e-4)


class BadInputTest:
    def test_unknown_norm_lists_the_valid_ones(self):
        weights, images, labels = two_classes()
        with pytest.raises(ValueError, match=r"'l1', 'l2', 'linf'.*'l3'"):
            attacks.robust_accuracy(
                linear(weights), images, labels, "l3", [0.1]
            )

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda x: 255 * x, "from .* to"),
            (lambda x: 2 * x - 1, "floats in"),
            (lambda x: x * np.nan, "floats in"),
            (lambda x: x.astype("int32"), "dtype int32"),
            (lambda x: x[0], r"shapes \(2, 2, 1\)"),
            (lambda x: x[:5], r"\(40,\)"),
        ],
    )
    def test_images_must_be_pixels(self, change, message):
        weights, images, labels = two_classes()
        with pytest.raises(ValueError, match=message):
            attack(linear(weights), change(images), labels)

    @pytest.mark.parametrize("label", [-1, 2, 0.5])
    def test_labels_must_be_classes(self, label):
        weights, images, labels = two_classes()
        with pytest.raises(ValueError, match=r"`labels` must .* \[0, 2\)"):
            attack(linear(weights), images, np.full(40, label))

    @pytest.mark.parametrize("epsilon", [-0.1, np.inf, np.nan])
    def test_epsilons_must_be_radii(self, epsilon):
        weights, images, labels = two_classes()
        with pytest.raises(ValueError, match="`epsilons` must hold finite"):
            attack(linear(weights), images, labels, epsilon=epsilon)

    @pytest.mark.parametrize("name", ["steps", "gradient_samples"])
    def test_counts_must_be_positive(self, name):
        weights, images, labels = two_classes()
        with pytest.raises(ValueError, match=f"`{name}` must be at least 1"):
            attack(linear(weights), images, labels, **{name: 0})

    @pytest.mark.parametrize(
        "operation",
        [
            lambda x: tf.round(x),  # without a gradient
            lambda x: 0.0 * x,
            lambda x: tf.stop_gradient(x),
            lambda x: np.nan * x,
            lambda x: tf.bitcast(tf.raw_ops.NextAfter(x1=x, x2=x), "float32"),
        ],
    )
    def test_model_without_gradients_is_named(self, operation):
        weights, images, labels = two_classes()
        inputs = keras.Input(SHAPE)
        cut = keras.layers.Lambda(operation, output_shape=SHAPE)(inputs)
        logits = keras.layers.Dense(2)(keras.layers.Flatten()(cut))
        model = keras.Model(inputs, logits, name="hard_steps")
        with pytest.raises(ValueError, match="Model `hard_steps` must depend"):
            attack(model, images, labels)

    @pytest.mark.parametrize("kind", ["function", "unbuilt"])
    def test_only_a_built_model_has_a_gradient(self, kind):
        weights, images, labels = two_classes()
        model = tf.function(linear(weights))
        if kind == "unbuilt":
            model = keras.Sequential([keras.layers.Dense(2)])
        with pytest.raises(ValueError, match="`model` must be a built keras"):
            attack(model, images, labels)

    def test_probabilities_are_not_taken_for_logits(self):
        weights, images, labels = two_classes()
        model = keras.Sequential([linear(weights), keras.layers.Softmax()])
        with pytest.raises(ValueError, match="must end in logits.*softmax"):
            attack(model, images, labels)

    def test_missing_foolbox_says_what_to_install(self, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "foolbox", None)
        weights, images, labels = two_classes()
        with pytest.raises(ImportError, match="pip install foolbox"):
            attack(linear(weights), images, labels)
