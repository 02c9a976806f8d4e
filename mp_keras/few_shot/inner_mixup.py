"""Input and manifold mixup of the inner steps (ICLR 2020, table 2).

Zhang et al., ICLR 2018 mix the images, Verma et al., ICML 2019 the outputs of
a random layer, and the labels alike: lambda * x + (1 - lambda) * x'.
"""

import tensorflow as tf

from mp_keras import argument_checks
from mp_keras.few_shot import network
from mp_keras.few_shot import perturbation

_PLACES = network.BLOCKS + 1  # the images, and the output of each block


class InnerMixup(perturbation.Perturbation):
    """Mixes every support example with another one, at one random place.

    Each pass draws the place: the images or the output of a block. Each noise
    sample draws lambda ~ Beta(gamma, gamma) and the pairs. The query pass
    mixes nothing.

    Args:
        gamma: Float > 0.

    Raises: ValueError, if `gamma` is not positive.

    Reference: Lee et al., ICLR 2020, section 4.1 and table 2.
    """

    STOCHASTIC = True

    def __init__(self, gamma):
        argument_checks.check_positive("gamma", gamma)
        self.gamma = gamma

    def block_inputs(self, block, inputs, state):
        if state.stream is None:
            return inputs
        if block == 0:
            self._begin(inputs, state)
        here = tf.cast(tf.equal(state.mixed_place, block), inputs.dtype)
        share = 1 - here * (1 - state.mixed_share)
        state.targets = _mix(state.targets, state.mixed_with, share)
        return _mix(inputs, state.mixed_with, share)

    def _begin(self, images, state):
        """Draws place, shares and pairs; `state` keeps them."""
        examples = tf.shape(images)[0] // state.samples
        state.mixed_place = state.stream.integers((), _PLACES)
        shares = state.stream.beta((state.samples,), self.gamma)
        state.mixed_share = tf.repeat(shares, examples)
        partners = state.stream.permutations(state.samples, examples)
        first = examples * tf.range(state.samples)[:, tf.newaxis]
        state.mixed_with = tf.reshape(partners + first, [-1])


def _mix(rows, partners, share):
    """Returns share * rows + (1 - share) * their partners."""
    share = tf.reshape(share, (-1, *[1] * (len(rows.shape) - 1)))
    return share * rows + (1 - share) * tf.gather(rows, partners)
