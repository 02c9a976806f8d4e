"""Variational information bottleneck in the inner steps (table 2).

    z = h + deviation(h) * normal noise        # h: inputs of the dense layer
    loss += beta * KL(N(h, deviation^2), N(0, 1))

Alemi et al., ICLR 2017, of which Lee et al., ICLR 2020, section 4.1 say that
the noise is additive and that its weights are trained in the inner steps.
"""

import tensorflow as tf

from mp_keras import argument_checks
from mp_keras.few_shot import network
from mp_keras.few_shot import perturbation
from mp_keras.few_shot import weight_spec

_LEAST_DEVIATION = 1e-30


class InformationBottleneck(perturbation.Perturbation):
    """Adds noise to the features of the dense layer, for a penalty.

    The query pass has z = h.

    Args:
        beta: Float >= 0, weight of the penalty; the KL divergence is the sum
            over the features and the mean over the examples, in nats.

    Raises: ValueError, if `beta` is negative.

    Reference: Alemi et al., ICLR 2017, eq. (17); the place is ours.
    """

    STOCHASTIC = True

    def __init__(self, beta):
        argument_checks.check_at_least("beta", beta, 0)
        self.beta = beta

    def specs(self, block_shapes, logits_shape):
        features, _ = logits_shape
        return weight_spec.kernel_and_bias(
            "logits/deviation_",
            (features, features),
            weight_spec.ADAPTED,
            "normal",
        )

    def block_inputs(self, block, inputs, state):
        if block != network.BLOCKS or state.stream is None:
            return inputs
        deviation = tf.nn.softplus(state.dense(inputs, "logits/deviation_"))
        # Far below zero, softplus rounds to 0, whose logarithm is infinite.
        logarithm = tf.math.log(tf.maximum(deviation, _LEAST_DEVIATION))
        divergence = (
            tf.square(inputs) + tf.square(deviation) - 1
        ) / 2 - logarithm
        penalties = tf.reduce_sum(divergence, axis=1)
        state.penalty += self.beta * tf.reduce_mean(penalties)
        return inputs + deviation * state.stream.normal(tf.shape(inputs))
