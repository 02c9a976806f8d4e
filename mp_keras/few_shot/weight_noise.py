"""Noise on the weights ("Weight Gaussian", Lee et al., ICLR 2020, table 3)."""

import tensorflow as tf

from mp_keras.few_shot import perturbation
from mp_keras.few_shot import weight_spec

_START = -4.0  # softplus of it is 0.018, near the weights' own spread


class WeightNoise(perturbation.Perturbation):
    """Draws every convolution and dense weight from a Gaussian around it.

    One standard deviation a weight, softplus of a number that the outer loop
    learns. One draw serves all examples of a pass. The query pass has the
    means.

    Reference: Lee et al., ICLR 2020, section 4, ablation study: "fully
        factorized" Gaussian weights; the start of the deviations, 0.018, is
        ours.
    """

    BATCHED = False  # a sample is another network
    STOCHASTIC = True

    def specs(self, block_shapes, logits_shape):
        shapes = {f"block_{i}": s for i, s in enumerate(block_shapes)}
        shapes["logits"] = logits_shape
        found = []
        for name, shape in shapes.items():
            for part, size in (("kernel", shape), ("bias", shape[-1:])):
                found.append(
                    weight_spec.WeightSpec(
                        f"{name}/{part}_deviation",
                        size,
                        weight_spec.NOISE,
                        _START,
                    )
                )
        return found

    def weights(self, state):
        if state.stream is None:
            return state.weights
        drawn = dict(state.weights)
        for name, spread in state.weights.items():
            mean = name.removesuffix("_deviation")
            if mean != name:
                draws = state.stream.normal(tf.shape(spread))
                drawn[mean] = drawn[mean] + tf.nn.softplus(spread) * draws
        return drawn
