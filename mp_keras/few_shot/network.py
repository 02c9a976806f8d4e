"""The network of few-shot classification (Lee et al., ICLR 2020, section 4).

    four blocks:  convolution 3x3 with bias -> perturbation -> batch norm
                  -> perturbation -> ReLU -> 2x2 max-pool
    then:         dense layer -> perturbation of the logits

Finn et al., ICML 2017 used it first. The trap: batch norm always takes the
statistics of the current batch, in the query pass too (which makes the query
examples see one another), and of each noise sample by itself.
"""

import tensorflow as tf

from mp_keras import argument_checks
from mp_keras.few_shot import perturbation as perturbation_module
from mp_keras.few_shot import weight_spec

BLOCKS = 4
_EPSILON = 1e-3  # of batch norm
_LEAST_SIZE = 2**BLOCKS


class FewShotNetwork:
    """Four blocks and a dense layer, as a function of all its weights.

    Args:
        classes: Int >= 2, ways of a task.
        input_shape: Tuple `(height, width, channels)`, 16 pixels or more.
        channels: Int >= 1, of each block: 64 for Omniglot, 32 for
            miniImageNet.
        perturbation: `Perturbation`, or None (default) for none.

    Attributes: `specs`, dict from name to `WeightSpec`, in a fixed order.
    Raises: ValueError, if an argument is out of its range.
    """

    def __init__(self, classes, input_shape, channels=64, perturbation=None):
        _check(classes, input_shape, channels, perturbation)
        self.classes = classes
        self.input_shape = tuple(input_shape)
        self.channels = channels
        self.perturbation = (
            perturbation_module.Perturbation()
            if perturbation is None
            else perturbation
        )
        height, width, inputs = self.input_shape
        specs = []
        block_shapes = []
        for block in range(BLOCKS):
            shape = (3, 3, inputs if block == 0 else channels, channels)
            block_shapes.append(shape)
            specs += _block_specs(block, shape)
        features = (height >> BLOCKS) * (width >> BLOCKS) * channels
        logits_shape = (features, classes)
        specs += weight_spec.kernel_and_bias(
            "logits/", logits_shape, weight_spec.ADAPTED, "normal"
        )
        specs += self.perturbation.specs(block_shapes, logits_shape)
        self.specs = {spec.name: spec for spec in specs}

    def names(self, group):
        """Returns the names of a group's weights, in order."""
        return [s.name for s in self.specs.values() if s.group == group]

    def forward(self, images, state):
        """Returns the logits, and changes `state` as the perturbation does.

        Args:
            images: Float tensor `(examples, height, width, channels)`, pixels
                in [0, 1].
            state: `ForwardPass`.

        Returns: float tensor `(state.samples * examples, classes)`.
        """
        return self.stages(images, state)[-1]

    def stages(self, images, state):
        """Returns what every part gives, for inspection; the logits last.

        Args:
            images: As in `forward`; so is `state`.

        Returns: list: for each block a pair of float tensors, its perturbed
            convolution output `(batch, height, width, channels)` and its
            output, after the max-pool; the inputs of the dense layer `(batch,
            features)`; the logits.
        """
        state.weights = self.perturbation.weights(state)
        hidden = tf.tile(images, (state.samples, 1, 1, 1))
        found = []
        for block in range(BLOCKS):
            inputs = self.perturbation.block_inputs(block, hidden, state)
            features = state.convolve(inputs, f"block_{block}/")
            features = self.perturbation.features(
                block, inputs, features, state
            )
            offset = state.weights[f"block_{block}/offset"]
            normed = _batch_norm(features, offset, state.samples)
            normed = self.perturbation.normed(block, inputs, normed, state)
            hidden = tf.nn.max_pool2d(tf.nn.relu(normed), 2, 2, "VALID")
            found.append((features, hidden))
        flat = tf.reshape(hidden, (tf.shape(hidden)[0], -1))
        flat = self.perturbation.block_inputs(BLOCKS, flat, state)
        logits = state.dense(flat, "logits/")  # (batch, classes)
        logits = self.perturbation.logits(flat, logits, state)
        return [*found, flat, logits]


def _block_specs(block, shape):
    prefix = f"block_{block}/"
    offset = weight_spec.WeightSpec(
        f"{prefix}offset", shape[-1:], weight_spec.SHARED
    )
    return [
        *weight_spec.kernel_and_bias(
            prefix, shape, weight_spec.ADAPTED, "truncated_normal"
        ),
        offset,
    ]


def _batch_norm(features, offset, samples):
    """Normalizes by the statistics of this batch, each sample by its own."""
    shape = tf.shape(features)
    parts = tf.reshape(features, (samples, -1, *features.shape[1:]))
    # Not tf.nn.moments: it stops the gradient of the mean inside the variance,
    # which leaves the first derivative right and makes the second one wrong.
    centred = parts - tf.reduce_mean(parts, (1, 2, 3), keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), (1, 2, 3), keepdims=True)
    normed = centred * tf.math.rsqrt(variance + _EPSILON)
    return tf.reshape(normed, shape) + offset


def _check(classes, input_shape, channels, perturbation):
    argument_checks.check_at_least("classes", classes, 2)
    if len(input_shape) != 3 or min(input_shape[:2]) < _LEAST_SIZE:
        raise ValueError(
            "Argument `input_shape` must be (height, width, channels) of at "
            f"least {_LEAST_SIZE} pixels. Received: input_shape={input_shape}"
        )
    argument_checks.check_at_least("channels", channels, 1)
    if perturbation is not None and not isinstance(
        perturbation, perturbation_module.Perturbation
    ):
        raise ValueError(
            "Argument `perturbation` must be a Perturbation, as MetaDropout() "
            f"is, or None. Received: perturbation={perturbation!r}"
        )
