"""Inner steps and query loss of one task (MAML, Meta-SGD, Meta Dropout).

    theta_0 = theta
    for k = 0 .. K-1:                            # inner steps
        theta_k+1 = theta_k - rate * d loss(support; theta_k, noise) / d theta_k
    loss(query; theta_K, no noise) -> outer gradient

Lee et al., ICLR 2020, algorithms 1 and 2; Finn et al., ICML 2017 (MAML); Li et
al., 2017 (Meta-SGD: one rate for each number of theta). The trap: the noise
acts in the inner steps alone, so the gradient of its weights is a second
derivative; in first order it would be zero.
"""

import keras
import tensorflow as tf

from mp_keras import argument_checks
from mp_keras import classification
from mp_keras.few_shot import forward_pass
from mp_keras.few_shot import noise_stream
from mp_keras.few_shot import weight_spec


class FewShotLearner(keras.layers.Layer):
    """The weights that the outer loop learns, and what a task does with them.

    Args:
        network: `FewShotNetwork`.
        inner_steps: Int >= 1, default 5, in training and in use.
        inner_rate: Float > 0, step size of the inner steps.
        learn_rates: Bool, default False. True: Meta-SGD, one step size for
            each number of θ, which start at `inner_rate`.
        first_order: Bool, default False. True: no gradient goes through the
            inner gradients (MAML without noise weights only).
        seed: Int, default 0, of the initial weights.
        **kwargs: Passed to `keras.layers.Layer`.

    Weights: one `keras.Variable` for each of `specs`, all trainable.
    Attributes: `specs`, dict from name to `WeightSpec`, Meta-SGD's rates
        among them.
    Raises: ValueError, if an argument is out of its range, or `first_order`
        would leave the noise without its gradient.

    Reference: Lee et al., ICLR 2020, eq. (3), (4), algorithms 1 and 2.
    """

    def __init__(
        self,
        network,
        inner_steps=5,
        inner_rate=0.01,
        learn_rates=False,
        first_order=False,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        _check(network, inner_steps, inner_rate, first_order)
        self.network = network
        self.inner_steps = inner_steps
        self.inner_rate = inner_rate
        self.learn_rates = learn_rates
        self.first_order = first_order
        self.specs = dict(network.specs)
        self._adapted = network.names(weight_spec.ADAPTED)
        if learn_rates:
            for name in self._adapted:
                spec = weight_spec.WeightSpec(
                    f"rate/{name}",
                    network.specs[name].shape,
                    weight_spec.RATE,
                    inner_rate,
                )
                self.specs[spec.name] = spec
        generator = keras.random.SeedGenerator(seed)
        for spec in self.specs.values():
            self.add_weight(
                name=spec.name.replace("/", "_"),
                shape=spec.shape,
                initializer=spec.initializer(generator),
            )
        self.built = True

    def values(self):
        """Returns a dict from name to the tensor of each weight."""
        return dict(zip(self.specs, map(tf.convert_to_tensor, self.weights)))

    def adapt(self, values, images, labels, seed, samples=1, scale=None):
        """Takes the inner steps.

        Args:
            values: Dict from name to tensor, as `values()` returns it.
            images: Float tensor `(examples, height, width, channels)`, pixels
                in [0, 1].
            labels: Int tensor `(examples,)`.
            seed: Int tensor `(2,)`, of all noise; None: nothing is drawn, as
                in the query pass.
            samples: Int or int tensor >= 1, default 1: noise samples whose
                loss is averaged in each step.
            scale: Scalar float tensor by which normal draws are multiplied,
                or None (default).

        Returns: the dict with θ after the last step, and the loss of the last
            step before it was taken, a scalar.
        Raises: ValueError, if `samples` is below 1 or the images are no
            floats; `tf.errors.InvalidArgumentError`, if a label is no class.
        """
        check_samples(samples)
        images = self._pixels(images)
        labels = tf.convert_to_tensor(labels)
        # A label that is no class would have a loss of zero.
        with tf.control_dependencies(label_checks(labels, self.network)):
            labels = tf.identity(labels)
        stream = None
        if seed is not None:
            stream = noise_stream.NoiseStream(seed, self.variable_dtype, scale)
        if stream is None or not self.network.perturbation.STOCHASTIC:
            samples = 1
        for step in range(self.inner_steps):
            theta = [values[name] for name in self._adapted]
            own = stream and stream.fork(step)
            given = self._support_images(values, images, labels)
            with tf.GradientTape() as inner_tape:
                inner_tape.watch(theta)
                loss = self._support_loss(values, given, labels, own, samples)
            gradients = inner_tape.gradient(
                loss,
                theta,
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
            if self.first_order:
                gradients = [tf.stop_gradient(g) for g in gradients]
            updated = {
                name: weight - self._rate(values, name) * gradient
                for name, weight, gradient in zip(
                    self._adapted, theta, gradients
                )
            }
            values = {**values, **updated}
        return values, loss

    def logits(self, values, images):
        """Returns the logits of the query pass, without noise.

        All images are of one task; batch norm takes their statistics.

        Args:
            values: As `adapt` returns them.
            images: Float tensor `(examples, height, width, channels)`.
        """
        state = forward_pass.ForwardPass(values)
        return self.network.forward(self._pixels(images), state)

    def query_loss(self, values, images, labels):
        """Returns the mean cross-entropy of query images, and their logits."""
        logits = self.logits(values, images)
        return classification.cross_entropy(labels, logits), logits

    def image_gradient(self, values, images, labels):
        """Returns the gradient of the query loss with respect to the images.

        Args:
            values: Dict of weights.
            images: Float tensor `(examples, height, width, channels)`.
            labels: Int tensor `(examples,)`.

        Returns: float tensor shaped like `images`.
        """
        with tf.GradientTape() as image_tape:
            image_tape.watch(images)
            loss, _ = self.query_loss(values, images, labels)
        return image_tape.gradient(loss, images)

    def _pixels(self, images):
        images = tf.convert_to_tensor(images)
        if not images.dtype.is_floating:
            raise ValueError(
                "Images must be floats in [0, 1]; divide bytes by 255. "
                f"Received: dtype {images.dtype.name}"
            )
        return tf.cast(images, self.variable_dtype)

    def _support_images(self, values, images, labels):
        return self.network.perturbation.support_images(
            images, lambda given: self.image_gradient(values, given, labels)
        )

    def _support_loss(self, values, images, labels, stream, samples):
        targets = tf.one_hot(
            labels, self.network.classes, dtype=self.variable_dtype
        )
        if self.network.perturbation.BATCHED:
            targets = tf.tile(targets, (samples, 1))
            state = forward_pass.ForwardPass(values, stream, samples, targets)
            return state.loss(self.network.forward(images, state))

        def one_pass(sample):
            state = forward_pass.ForwardPass(
                values, stream and stream.fork(sample), targets=targets
            )
            return state.loss(self.network.forward(images, state))

        if isinstance(samples, int) and samples == 1:
            return one_pass(0)
        losses = tf.map_fn(
            one_pass,
            tf.range(samples),
            fn_output_signature=self.variable_dtype,
        )
        return tf.reduce_mean(losses)

    def _rate(self, values, name):
        return values[f"rate/{name}"] if self.learn_rates else self.inner_rate


def check_samples(samples):
    """Raises ValueError, if `samples` is below 1 and no tensor."""
    if not tf.is_tensor(samples):
        argument_checks.check_at_least("samples", samples, 1)


def label_checks(labels, network):
    """Returns ops that refuse `support_labels` outside of [0, classes)."""
    text = f"`support_labels` must lie in [0, {network.classes})."
    return [
        tf.debugging.assert_non_negative(labels, text),
        tf.debugging.assert_less(
            labels, tf.cast(network.classes, labels.dtype), text
        ),
    ]


def _check(network, inner_steps, inner_rate, first_order):
    argument_checks.check_at_least("inner_steps", inner_steps, 1)
    argument_checks.check_positive("inner_rate", inner_rate)
    if first_order and network.names(weight_spec.NOISE):
        raise ValueError(
            "Argument `first_order` must be False where noise is learned, for "
            "its gradient is of second order. "
            f"Received: first_order={first_order} with "
            f"{type(network.perturbation).__name__}"
        )
