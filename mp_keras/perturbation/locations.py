"""Which positions of a network are used (MetaPerturb, table 3 (b)).

A level is a run of positions at one spatial size: ResNet20 has 3 levels of 3
positions, Conv4 4 levels of 1. The paper says no more than "only before
pooling", "only at top layers" and "only at bottom layers"; ours are, in that
order, the last position of each level, and all of the last and of the first
level.
"""

LOCATIONS = ("all", "before_pooling", "top", "bottom")


def check(location):
    """Raises a ValueError, if `location` is none of `LOCATIONS`."""
    if location not in LOCATIONS:
        raise ValueError(
            f"Argument `positions` must be one of {LOCATIONS}. "
            f"Received: positions={location!r}"
        )


def kept(levels, location):
    """Returns the numbers of the positions that a location keeps.

    Args:
        levels: Sequence of positive ints, positions of each level, the
            input's level first.
        location: Str, one of `LOCATIONS`.

    Returns: a frozenset of ints; positions count from 0 at the input.
    Raises: ValueError, if `location` is unknown.

    >>> sorted(kept((3, 3, 3), "before_pooling"))
    [2, 5, 8]
    """
    check(location)
    total = sum(levels)
    if location == "top":
        return frozenset(range(total - levels[-1], total))
    if location == "bottom":
        return frozenset(range(levels[0]))
    if location == "before_pooling":
        ends = (sum(levels[: i + 1]) for i in range(len(levels)))
        return frozenset(end - 1 for end in ends)
    return frozenset(range(total))
