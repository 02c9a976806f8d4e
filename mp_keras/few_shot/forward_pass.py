"""What one pass through the few-shot network carries along."""

import tensorflow as tf


class ForwardPass:
    """The weights, the noise and what is to be learned.

    Args:
        weights: Dict from name to tensor.
        stream: `NoiseStream` of a sampled (inner) pass; None for the query
            pass, in which nothing is drawn.
        samples: Int >= 1, noise samples: the batch holds so many copies of
            the examples, one after the other.
        targets: Float tensor `(samples * examples, classes)`, rows that add
            up to 1, or None.

    Attributes: `targets`, which a perturbation may mix; `penalty`, scalar to
        be added to the loss.
    """

    def __init__(self, weights, stream=None, samples=1, targets=None):
        self.weights = weights
        self.stream = stream
        self.samples = samples
        self.targets = targets
        self.penalty = 0.0

    def loss(self, logits):
        """Returns the mean cross-entropy to the targets plus the penalty."""
        losses = tf.nn.softmax_cross_entropy_with_logits(self.targets, logits)
        return tf.reduce_mean(losses) + self.penalty

    def convolve(self, inputs, prefix):
        """Returns a 3x3 convolution with bias, "same" padding.

        Args:
            inputs: Float tensor `(batch, height, width, channels)`.
            prefix: Str, before "kernel" and "bias" in the weights' names.
        """
        response = tf.nn.conv2d(
            inputs, self.weights[f"{prefix}kernel"], 1, "SAME"
        )
        return response + self.weights[f"{prefix}bias"]

    def dense(self, inputs, prefix):
        """Returns a dense map with bias of `(batch, features)`.

        Args:
            inputs: Float tensor.
            prefix: As for `convolve`.
        """
        response = inputs @ self.weights[f"{prefix}kernel"]
        return response + self.weights[f"{prefix}bias"]
