"""Information Dropout in the inner steps (table 2).

    alpha = 0.7 * sigmoid(3x3 convolution of the block's input)
    out   = h * exp(alpha * normal noise)
    loss += beta * KL,   KL = sum of -log(alpha / 0.7)

Achille and Soatto, TPAMI 2018, for networks with ReLU; its weights are trained
in the inner steps (Lee et al., ICLR 2020, section 4.1). The trap: h is what the
ReLU takes, after batch norm. Before it, other units would be positive.
"""

import tensorflow as tf

from mp_keras import argument_checks
from mp_keras.baselines import information_dropout
from mp_keras.few_shot import perturbation
from mp_keras.few_shot import weight_spec


class InnerInformationDropout(perturbation.Perturbation):
    """Multiplies features by log-normal noise, for a penalty.

    The query pass leaves the features.

    Args:
        beta: Float >= 0, weight of the penalty, which is the sum over the
            positive features and the mean over the examples, in nats.

    Raises: ValueError, if `beta` is negative.

    Reference: Achille and Soatto, TPAMI 2018, section 5.
    """

    STOCHASTIC = True

    def __init__(self, beta):
        argument_checks.check_at_least("beta", beta, 0)
        self.beta = beta

    def specs(self, block_shapes, logits_shape):
        found = []
        for block, shape in enumerate(block_shapes):
            found += weight_spec.kernel_and_bias(
                f"block_{block}/alpha_",
                shape,
                weight_spec.ADAPTED,
                "truncated_normal",
            )
        return found

    def normed(self, block, inputs, normed, state):
        if state.stream is None:
            return normed
        response = state.convolve(inputs, f"block_{block}/alpha_")
        part = information_dropout.noise_part(response)
        state.penalty += self.beta * information_dropout.penalty(normed, part)
        alpha = information_dropout.MAX_ALPHA * part
        draws = state.stream.normal(tf.shape(normed))
        return normed * tf.exp(alpha * draws)
