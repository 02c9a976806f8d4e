"""Seeds that are drawn once and then kept."""

import random


def given_or_drawn(seed):
    """Returns the seed, or a random one in its place.

    A drawn seed goes into configs: a clone then repeats its layer's noise.

    Args:
        seed: Int or None.
    """
    return random.randint(1, 10**9) if seed is None else seed
