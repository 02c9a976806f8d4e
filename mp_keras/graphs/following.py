"""What follows a step on the path of feature maps (`flow`).

Steps where branches meet are left aside, as are those without a map.
"""

from mp_keras.graphs import layer_kinds


def path(flow, step, same_shape=True):
    """Returns the steps from here up to an activation or convolution.

    Args:
        flow: `flow.Flow`.
        step: `steps.Step`, the first of them.
        same_shape: Bool: whether to stop where the map's size changes, and
            not only where its channels do.
    """
    steps = [step]
    while True:
        after = follower(flow, steps[-1])
        if (
            after is None
            or after.is_activation
            or holds_convolutions(after)
            or after.shape[-1] != step.shape[-1]
            or (same_shape and after.shape != step.shape)
        ):
            return steps
        steps.append(after)


def follower(flow, step):
    """Returns the only step that reads this one, meetings left aside."""
    followers = _followers(flow, step)
    if len(followers) > 1:
        followers = [each for each in followers if each.is_activation]
    return followers[0] if len(followers) == 1 else None


def _followers(flow, step):
    followers = [flow.steps[i] for i in flow.consumers[step.index]]
    return [
        each for each in followers if len(each.read) == 1 and flow.is_map(each)
    ]


def next_convolution(flow, step):
    """Returns the only convolution that follows, or None."""
    found, waiting, seen = [], _followers(flow, step), set()
    while waiting:
        after = waiting.pop()
        if after.index in seen:
            continue
        seen.add(after.index)
        if holds_convolutions(after):
            found.append(after)
        else:
            waiting += _followers(flow, after)
    return found[0] if len(found) == 1 else None


def holds_convolutions(step):
    """Whether it is a convolution, or holds one larger than 1x1."""
    return layer_kinds.is_convolution(step.operation) or any(
        layer_kinds.is_spatial(each)
        for each in layer_kinds.inner_convolutions(step.operation)
    )
