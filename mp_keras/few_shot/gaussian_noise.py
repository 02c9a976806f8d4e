"""Noise that does not depend on the input (Lee et al., ICLR 2020, table 3)."""

import tensorflow as tf

from mp_keras import noise
from mp_keras.few_shot import perturbation
from mp_keras.few_shot import weight_spec


class GaussianNoise(perturbation.Perturbation):
    """Multiplies features by softplus(a), a ~ N(mean, 1).

    Args:
        learned: Bool. False: the mean is 0 ("Fixed Gaussian"). True: one mean
            a channel, learned by the outer loop ("Independent Gaussian").

    In the query pass a = mean. The logits stay as they are.

    Reference: Lee et al., ICLR 2020, section 4, ablation study.
    """

    STOCHASTIC = True

    def __init__(self, learned):
        self.learned = learned

    def specs(self, block_shapes, logits_shape):
        if not self.learned:
            return []
        return [
            weight_spec.WeightSpec(
                f"block_{block}/noise_mean", shape[-1:], weight_spec.NOISE
            )
            for block, shape in enumerate(block_shapes)
        ]

    def features(self, block, inputs, features, state):
        mean = tf.zeros_like(features)
        if self.learned:
            mean += state.weights[f"block_{block}/noise_mean"]
        if state.stream is None:
            return features * noise.softplus_noise(mean)
        draws = state.stream.normal(tf.shape(features))
        return features * noise.softplus_noise(mean, draws)
