"""Meta Dropout's learned noise (Lee et al., ICLR 2020, section 3.1).

    a = mean + normal noise,  mean = 3x3 convolution of the block's input
    h = convolution output * softplus(a)                    # eq. (5), (6)
    logits + softplus(deviation) * normal noise             # the authors' code

`deviation` is one number per example, a dense map of the features. The weights
of both maps, φ, are learned by the outer loop alone: they act in the inner
steps, so their gradient is a second derivative. In the query pass a = mean, the
logits stay as they are, and nothing is drawn.
"""

import tensorflow as tf

from mp_keras import argument_checks
from mp_keras import noise
from mp_keras.few_shot import perturbation
from mp_keras.few_shot import weight_spec

TRANSFORMS = ("softplus", "exponential")
LOGITS = ("additive", "multiplicative", "none")


class MetaDropout(perturbation.Perturbation):
    """Multiplies features by noise that depends on the block's input.

    Args:
        transform: "softplus" (default) or "exponential" (log-normal noise).
        logits: "additive" (default, the authors' code: noise of one standard
            deviation per example in the inner steps, none in the query pass),
            "multiplicative" (the paper's words, noise "at all layers": logits
            times softplus(a), one mean per class) or "none".
        stochastic: Bool, default True. False: a = mean in the inner steps too
            (table 3, "Deterministic Meta-dropout").
        learned_deviation: Bool, default False. True: the standard deviation
            of a is softplus of a map of its own, shaped like that of the mean
            (table 3, "w/ learned variance").
        deviation: Float > 0, default 1: standard deviation of a otherwise.

    Raises: ValueError, if an argument is not one of these.

    Reference: Lee et al., ICLR 2020, eq. (5), (6); tables 2 and 3.
    """

    def __init__(
        self,
        transform="softplus",
        logits="additive",
        stochastic=True,
        learned_deviation=False,
        deviation=1.0,
    ):
        argument_checks.check_one_of("transform", transform, TRANSFORMS)
        argument_checks.check_one_of("logits", logits, LOGITS)
        argument_checks.check_positive("deviation", deviation)
        self.transform = transform
        self.logits_noise = logits
        self.STOCHASTIC = self.stochastic = stochastic
        self.learned_deviation = learned_deviation
        self.deviation = deviation

    def specs(self, block_shapes, logits_shape):
        found = []
        for block, shape in enumerate(block_shapes):
            found += _specs(f"block_{block}/noise_", shape, "truncated_normal")
            if self.learned_deviation:
                found += _specs(
                    f"block_{block}/deviation_", shape, "truncated_normal"
                )
        features, classes = logits_shape
        if self.logits_noise != "none":
            outputs = classes if self.logits_noise == "multiplicative" else 1
            found += _specs("logits/noise_", (features, outputs), "normal")
        if self.learned_deviation and self.logits_noise == "multiplicative":
            found += _specs("logits/deviation_", (features, classes), "normal")
        return found

    def features(self, block, inputs, features, state):
        mean = state.convolve(inputs, f"block_{block}/noise_")
        if not self._draws(state):
            return features * self._factor(mean)
        draws = state.stream.normal(tf.shape(mean))
        draws *= self._deviation(
            state.convolve, inputs, f"block_{block}/deviation_"
        )
        return features * self._factor(mean, draws)

    def logits(self, inputs, logits, state):
        if self.logits_noise == "none":
            return logits
        mapped = state.dense(inputs, "logits/noise_")
        draws = None
        if self._draws(state):
            draws = state.stream.normal(tf.shape(logits))
        if self.logits_noise == "multiplicative":
            if draws is not None:
                draws *= self._deviation(
                    state.dense, inputs, "logits/deviation_"
                )
            return logits * self._factor(mapped, draws)
        # Differs from the paper: it has multiplicative noise "at all layers";
        # the authors' code adds noise to the logits, and learns with it. With
        # factors on the logits φ also scales the query's answers, and training
        # is far slower: on Omniglot's small sets, 5-way 1-shot, 16 channels,
        # 62 against 78 % of the training queries after 300 steps.
        if draws is None:
            return logits
        return logits + tf.nn.softplus(mapped) * draws

    def _deviation(self, map_, inputs, prefix):
        if self.learned_deviation:
            return tf.nn.softplus(map_(inputs, prefix))
        return self.deviation

    def _draws(self, state):
        return self.stochastic and state.stream is not None

    def _factor(self, mean, draws=None):
        if self.transform == "softplus":
            return noise.softplus_noise(mean, draws)
        return tf.exp(mean if draws is None else mean + draws)


def _specs(prefix, shape, start):
    return weight_spec.kernel_and_bias(prefix, shape, weight_spec.NOISE, start)
