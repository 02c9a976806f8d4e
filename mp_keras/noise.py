"""The noise of MetaPerturb and of Meta Dropout."""

from keras import ops

_NODE = 3**0.5  # outer node of the three-point Gauss-Hermite rule


def softplus_noise(mean, draws=None):
    """Returns softplus(a), a ~ N(mean, 1), a positive factor.

    Args:
        mean: Float tensor.
        draws: Standard-normal tensor shaped like it, or None: a = mean.

    Reference: Ryu et al., NeurIPS 2020, eq. (1); Lee et al., ICLR 2020,
        eq. (5).
    """
    return ops.softplus(mean if draws is None else mean + draws)


def expected_softplus(mean):
    """Returns E[softplus(a)], a ~ N(mean, 1): the mean of `softplus_noise`.

    By three Gauss-Hermite nodes, to 0.3 % for means in [-4, 4]. The trap:
    softplus is convex, so softplus(mean) is less: 14 % at mean 0.

    Args:
        mean: Float tensor.
    """
    outer = ops.softplus(mean + _NODE) + ops.softplus(mean - _NODE)
    return ops.softplus(mean) * (2 / 3) + outer / 6
