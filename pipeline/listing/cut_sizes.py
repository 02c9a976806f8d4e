"""How many examples of a class a cut holds out."""

import math


def held_count(examples, fraction):
    """Returns the held share of a class, in whole examples.

    Args:
        examples: Int >= 2, those of the class.
        fraction: Float in (0, 1); at least one is held and one is kept.
    """
    count = math.floor(examples * fraction + 0.5)
    return min(max(count, 1), examples - 1)


def training_count(listing, test_fraction, validation_fraction):
    """Returns how many images of a listed source a run trains on.

    Args:
        listing: `Listing`.
        test_fraction, validation_fraction: Floats, those of a config.

    Returns: int; the most there can be, where images are left out later.
    """
    counts = listing.counts("train" if listing.is_split else None)
    if not listing.is_split:
        counts = [count - held_count(count, test_fraction) for count in counts]
    if {"validation", "test"} <= set(listing.parts) or not validation_fraction:
        return sum(counts)
    return sum(
        count - held_count(count, validation_fraction) if count > 1 else count
        for count in counts
    )
