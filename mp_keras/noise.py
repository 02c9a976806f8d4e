"""The noise of MetaPerturb and of Meta Dropout."""

from keras import ops


def softplus_noise(mean, draws=None):
    """Returns softplus(a), a ~ N(mean, 1), a positive factor.

    Args:
        mean: Float tensor.
        draws: Standard-normal tensor shaped like it, or None: a = mean.

    Reference: Ryu et al., NeurIPS 2020, eq. (1); Lee et al., ICLR 2020,
        eq. (5).
    """
    return ops.softplus(mean if draws is None else mean + draws)
