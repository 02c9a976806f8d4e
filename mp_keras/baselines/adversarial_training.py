"""Adversarial training by projected gradient descent (Madry et al., ICLR 2018).

    delta = random point of the ball of radius epsilon
    repeat `steps` times:
        g      = gradient of the loss at images + delta
        delta += step_size * (sign(g) for linf, else g / |g|)
        delta  = delta brought into the ball, images + delta to the bounds
    train on images + delta

Under l2 and l1 a point outside is brought back along its radius. For l1 that is
foolbox's attack, weaker than the exact steepest descent and projection.
MetaPerturb, appendix A: 30 steps. The attack sees the network in test mode, so
that its passes do not move the statistics of batch norm. It raises the
cross-entropy of the logits, and runs in float32 whatever the policy.
"""

import typing

import keras
import tensorflow as tf

from mp_keras import argument_checks
from mp_keras import backends
from mp_keras import class_outputs
from mp_keras.baselines import wrapped_network
from mp_keras.graphs import graph_reading

NORMS = ("linf", "l2", "l1")
_DTYPE = "float32"
_AXES = (1, 2, 3)
_TINY = 1e-12
_SLACK = 0.01  # part of the bounds' width that rounding may lie beyond them


@keras.saving.register_keras_serializable(package="mp_keras")
class AdversarialTraining(wrapped_network.WrappedNetwork):
    """Trains a network on adversarial examples alone; TensorFlow only.

    Images may be integers, within `bounds`, and labels class numbers or
    one-hot, as the compiled loss takes them.

    Args:
        network: Built `keras.Model` from images, floats, to logits.
        epsilon: Float > 0: radius of the ball in units of the network's
            input. Pixels in [0, 1] that are normalized to [-1, 1] double it.
        norm: "linf" (default), "l2" or "l1".
        steps: Int >= 1, default 30.
        relative_step: Float > 0 or None (default: 2.5 / steps, Madry et al.):
            the step size as a part of epsilon.
        bounds: Pair, default (-1, 1): range of the network's input.
        seed: Int or None (default).
        **kwargs: Passed to `keras.Model`.

    Raises: ValueError, if an argument is out of its range, or `network` is not
        as above, as one that ends in probabilities; ImportError, if Keras runs
        on another backend.

    Reference: Madry et al., ICLR 2018, section 2.1; Ryu et al., NeurIPS 2020,
        appendix A.
    """

    def __init__(
        self,
        network: keras.Model,
        epsilon: float,
        norm: str = "linf",
        steps: int = 30,
        relative_step: float | None = None,
        bounds: tuple[float, float] = (-1.0, 1.0),
        seed: int | None = None,
        **kwargs: typing.Any,
    ) -> None:
        backends.require_tensorflow("AdversarialTraining")
        super().__init__(network, **kwargs)
        if graph_reading.is_graph(network):
            wrapped_network.check_images(network.inputs[0])
            _check_differentiable(network.inputs[0])
            class_outputs.check_logits(network)
        argument_checks.check_one_of("norm", norm, NORMS)
        if not epsilon > 0 or steps < 1:
            raise ValueError(
                "Arguments `epsilon` must be positive and `steps` at least 1. "
                f"Received: epsilon={epsilon}, steps={steps}"
            )
        if relative_step is not None and not relative_step > 0:
            raise ValueError(
                "Argument `relative_step` must be positive or None. "
                f"Received: relative_step={relative_step}"
            )
        if not bounds[0] < bounds[1]:
            raise ValueError(
                "Argument `bounds` must be a smaller and a larger number. "
                f"Received: bounds={bounds}"
            )
        self.epsilon = epsilon
        self.norm = norm
        self.steps = steps
        self.relative_step = relative_step
        self.bounds = tuple(bounds)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def train_step(self, data):
        inputs, *rest = keras.utils.unpack_x_y_sample_weight(data)
        images = wrapped_network.single("input", inputs)
        labels = wrapped_network.single("label array", rest[0])
        attacked = self.attack(images, labels, self.random_start(images))
        inputs = keras.tree.pack_sequence_as(inputs, [attacked])
        return super().train_step((inputs, *rest))

    def random_start(self, images):
        """Returns a random point of the ball, float32, shaped like images."""
        shape = tf.shape(images)
        if self.norm == "linf":
            return self.epsilon * self._uniform(shape, -1)
        numbers = tf.cast(tf.reduce_prod(shape[1:]), _DTYPE)
        one = (shape[0], 1, 1, 1)
        draws = keras.random.normal(
            shape, dtype=_DTYPE, seed=self.seed_generator
        )
        if self.norm == "l2":  # a direction, and a radius of density r^(n - 1)
            radius = self._uniform(one, 0) ** (1 / numbers)
            return self.epsilon * radius * draws / _norm(draws, "l2")
        # Shares of exponential numbers are uniform on a simplex.
        shares = -tf.math.log(self._uniform(shape, _TINY))
        rest = -tf.math.log(self._uniform(one, _TINY))
        total = rest + tf.reduce_sum(shares, _AXES, keepdims=True)
        return self.epsilon * tf.sign(draws) * shares / total

    def _uniform(self, shape, low):
        return keras.random.uniform(
            shape, low, 1, dtype=_DTYPE, seed=self.seed_generator
        )

    def attack(self, images, labels, start):
        """Returns adversarial images, float32, after `steps` steps.

        Args:
            images: Tensor `(batch, height, width, channels)`, floats or
                integers.
            labels: Integer tensor `(batch,)` or `(batch, 1)`, or one-hot
                `(batch, classes)`.
            start: Tensor shaped like `images`, the first perturbation.

        Raises: ValueError, if `images` are not 4-D;
            tf.errors.InvalidArgumentError, if an image lies outside of
            `bounds` by more than 1 % of their width, for it would be cut.
            Not under XLA, which has no checks.
        """
        images, start = tf.cast(images, _DTYPE), tf.cast(start, _DTYPE)
        wrapped_network.check_images(images)
        with tf.control_dependencies([self._check_bounds(images)]):
            images = tf.identity(images)
        relative = self.relative_step
        if relative is None:
            relative = 2.5 / self.steps
        size = self.epsilon * relative

        def step(index, attacked):
            gradient = self._gradient(attacked, labels)
            moved = attacked + size * _direction(gradient, self.norm)
            return index + 1, self._project(moved, images)

        _, attacked = tf.while_loop(
            lambda index, _: index < self.steps,
            step,
            (tf.constant(0), self._project(images + start, images)),
        )
        return tf.stop_gradient(attacked)

    def _check_bounds(self, images):
        """Returns an operation that refuses images beyond `bounds`."""
        low, high = self.bounds
        slack = _SLACK * (high - low)
        lowest, highest = tf.reduce_min(images), tf.reduce_max(images)
        text = (
            f"The images must lie in `bounds`={self.bounds}; give "
            "AdversarialTraining the range of the network's input. "
            "Received: images from"
        )
        return tf.debugging.Assert(
            (lowest >= low - slack) & (highest <= high + slack),
            [text, lowest, "to", highest],
        )

    def _gradient(self, images, labels):
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = self.network(images, training=False)
            losses = _cross_entropy(labels, logits)
        return tape.gradient(losses, images)

    def _project(self, attacked, images):
        change = attacked - images
        if self.norm == "linf":
            change = tf.clip_by_value(change, -self.epsilon, self.epsilon)
        else:
            size = _norm(change, self.norm)
            change *= tf.minimum(1.0, self.epsilon / size)
        return tf.clip_by_value(images + change, *self.bounds)

    def get_config(self):
        names = "epsilon norm steps relative_step bounds seed".split()
        own = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **own}


def _check_differentiable(images):
    """Refuses a network's input of integers, which pass no gradient."""
    if not keras.backend.is_float_dtype(images.dtype):
        raise ValueError(
            "Argument `network` must take images of floats, for an attack "
            "follows the gradient to them; the images given may be integers. "
            f"Received: an input of dtype {images.dtype}"
        )


def _cross_entropy(labels, logits):
    """Returns it for each example; labels are class numbers or one-hot."""
    labels = tf.convert_to_tensor(labels)
    logits = tf.cast(keras.tree.flatten(logits)[0], _DTYPE)
    is_one_hot = (
        len(labels.shape) == len(logits.shape) and labels.shape[-1] != 1
    )
    if is_one_hot:
        entropy = keras.losses.categorical_crossentropy
    else:
        entropy = keras.losses.sparse_categorical_crossentropy
    return entropy(labels, logits, from_logits=True)


def _norm(tensor, norm):
    """Returns each example's norm, `(batch, 1, 1, 1)`, never quite 0."""
    if norm == "l1":
        size = tf.reduce_sum(tf.abs(tensor), _AXES, keepdims=True)
    else:
        size = tf.sqrt(tf.reduce_sum(tensor**2, _AXES, keepdims=True))
    return tf.maximum(size, _TINY)


def _direction(gradient, norm):
    """Returns the gradient with norm 1 in the norm of the attack."""
    if norm == "linf":
        return tf.sign(gradient)
    return gradient / _norm(gradient, norm)


def adversarial_model(
    model: keras.Model, epsilon: float, **arguments: typing.Any
) -> AdversarialTraining:
    """Returns a wrapper that trains `model` by `AdversarialTraining`.

    Args: as `AdversarialTraining`.
    """
    return AdversarialTraining(model, epsilon, **arguments)
