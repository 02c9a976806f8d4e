"""The height of the image that a network works on, φ's `spatial_norm`.

It is the height where the first convolution sees the image, after a resizing
inside the network and without padding; or that of a position, if one is
higher, as behind the up-sampling of super-resolution.
"""

from mp_keras.graphs import flow
from mp_keras.graphs import following


def find(model, calls):
    """Returns the height in pixels.

    Args:
        model: Functional or built Sequential `keras.Model`.
        calls: The calls at the positions, as of `graph_reading.calls`.

    Raises: ValueError, if it is unknown.
    """
    graph = flow.Flow(model)
    seen = [
        _before_padding(graph, step).height
        for step in graph.steps
        if step.index in graph.live
        and following.holds_convolutions(step)
        and not _has_convolution_before(graph, step)
    ]
    if not seen:
        seen = [tensor.shape[1] for tensor in model.inputs if _is_image(tensor)]
    heights = [call.outputs[0].shape[1] for call in calls]
    if None in seen:
        raise ValueError(
            "Argument `spatial_norm` must be given when the height of the "
            f"network's input is unknown. Received: model {model.name} with "
            f"inputs {[tuple(x.shape) for x in model.inputs]}"
        )
    return max(height for height in seen + heights if height is not None)


def _before_padding(graph, step):
    step = graph.steps[step.sources[0]]
    while type(step.operation).__name__.startswith(("ZeroPad", "Cropping")):
        step = graph.steps[step.sources[0]]
    return step


def _has_convolution_before(graph, step):
    return any(
        graph.is_before(other.index, step.index)
        and following.holds_convolutions(other)
        for other in graph.steps[: step.index]
    )


def _is_image(tensor):
    return len(tensor.shape) == 4
