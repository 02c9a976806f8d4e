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
that its passes do not move the statistics of batch norm.
"""

import typing

import keras
import tensorflow as tf

from mp_keras import argument_checks
from mp_keras import backends
from mp_keras.baselines import wrapped_network

NORMS = ("linf", "l2", "l1")
_AXES = (1, 2, 3)
_TINY = 1e-12
_SLACK = 0.01  # part of the bounds' width that rounding may lie beyond them


@keras.saving.register_keras_serializable(package="mp_keras")
class AdversarialTraining(wrapped_network.WrappedNetwork):
    """Trains a network on adversarial examples alone; TensorFlow only.

    Args:
        network: Built `keras.Model` from images to logits.
        epsilon: Float > 0: radius of the ball in units of the network's
            input. Pixels in [0, 1] that are normalized to [-1, 1] double it.
        norm: "linf" (default), "l2" or "l1".
        steps: Int >= 1, default 30.
        relative_step: Float > 0 or None (default: 2.5 / steps, Madry et al.):
            the step size as a part of epsilon.
        bounds: Pair, default (-1, 1): range of the network's input.
        seed: Int or None (default).
        **kwargs: Passed to `keras.Model`.

    Raises: ValueError, if an argument is out of its range; ImportError, if
        Keras runs on another backend.

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
        images, *rest = keras.utils.unpack_x_y_sample_weight(data)
        attacked = self.attack(images, rest[0], self.random_start(images))
        return super().train_step((attacked, *rest))

    def random_start(self, images):
        """Returns a random point of the ball, shaped like the images."""
        shape, seed = tf.shape(images), self.seed_generator
        if self.norm == "linf":
            return self.epsilon * keras.random.uniform(shape, -1, 1, seed=seed)
        numbers = tf.cast(tf.reduce_prod(shape[1:]), tf.float32)
        one = (shape[0], 1, 1, 1)
        draws = keras.random.normal(shape, seed=seed)
        if self.norm == "l2":  # a direction, and a radius of density r^(n - 1)
            radius = keras.random.uniform(one, seed=seed) ** (1 / numbers)
            return self.epsilon * radius * draws / _norm(draws, "l2")
        # Shares of exponential numbers are uniform on a simplex.
        shares = -tf.math.log(keras.random.uniform(shape, _TINY, 1, seed=seed))
        rest = -tf.math.log(keras.random.uniform(one, _TINY, 1, seed=seed))
        total = rest + tf.reduce_sum(shares, _AXES, keepdims=True)
        return self.epsilon * tf.sign(draws) * shares / total

    def attack(self, images, labels, start):
        """Returns adversarial images after `steps` steps.

        Args:
            images: Float tensor `(batch, height, width, channels)`.
            labels: Integer tensor `(batch,)`.
            start: Tensor shaped like `images`, the first perturbation.

        Raises: tf.errors.InvalidArgumentError, if an image lies outside of
            `bounds` by more than 1 % of their width, for it would be cut.
            Not under XLA, which has no checks.
        """
        images = tf.convert_to_tensor(images)
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
            losses = keras.losses.sparse_categorical_crossentropy(
                labels, self.network(images, training=False), from_logits=True
            )
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
