"""Loss and accuracy of one batch, as tensors that gradients go through."""

import keras
import tensorflow as tf


def cross_entropy(labels, logits):
    """Returns the mean cross-entropy of integer labels, in nats."""
    return tf.reduce_mean(
        keras.losses.sparse_categorical_crossentropy(
            labels, logits, from_logits=True
        )
    )


def accuracy(labels, logits):
    """Returns the share of right answers, in [0, 1]."""
    return tf.reduce_mean(
        keras.metrics.sparse_categorical_accuracy(labels, logits)
    )
