"""Finds the places for φ in the graph of a Keras network (figure 3).

φ goes into each block once, before its last activation; what a block is:

    steps  = every call, nested models opened, gates and vectors left aside
    branched = steps where branches with convolutions meet again (residual,
        dense, inception, cells), but no skip over many blocks or over sizes
    chains = elsewhere each convolution with its norm and activation; depthwise
        with its 1x1 ones, and a layer of the caller's own, are one block
    stem   = at most 5 convolutions before the first block, if there are blocks
        with branches, depthwise or own ones: left out, 1x1 convolutions too
    place  = behind an addition or concatenation; in a dense layer and a chain
        before the last activation; else behind the block's last norm
"""

import difflib
import itertools
import typing

import keras

from mp_keras.graphs import flow
from mp_keras.graphs import graph_reading
from mp_keras.graphs import layer_kinds
from mp_keras.perturbation import branched_blocks
from mp_keras.perturbation import chain_blocks


def levels(calls):
    """Returns how many positions each level has (`networks.locations`).

    Args:
        calls: The calls at the positions, first calls first.

    Raises: ValueError, if the height of a feature map is unknown.
    """
    heights = [call.outputs[0].shape[1] for call in calls]
    if None in heights:
        raise ValueError(
            "Argument `model` must have feature maps of known height, which "
            "tell its levels apart; else name the layers in `positions`. "
            f"Received: heights {heights}"
        )
    return [len(list(level)) for _, level in itertools.groupby(heights)]


class Search(typing.NamedTuple):
    """What the rules found in a network.

    Attributes:
        blocks: List of `branched_blocks.Block`, in the order of the steps that
            φ follows.
        steps: List of the `graphs.steps.Step`s that φ follows, one per block.
        bare: List of names of convolutions that belong to no block.
        hidden: List of names of layers with convolutions that cannot be read.
    """

    blocks: list
    steps: list
    bare: list
    hidden: list

    def chosen(self):
        """Returns a dict from operation to bool, as `model_copy` takes it.

        The bool: whether φ goes before the activation that is fused in the
        operation; else φ follows it.
        """
        return {
            step.operation: block.splits
            for step, block in zip(self.steps, self.blocks)
        }


def search(model):
    """Applies the rules.

    Args:
        model: Functional or built Sequential `keras.Model`.

    Returns: a `Search`.
    Raises: ValueError, if there is no block.
    """
    graph = flow.Flow(model)
    branched = branched_blocks.find(graph)
    chains, bare = chain_blocks.find(graph, branched)
    at = {block.position: block for block in branched + chains}
    if not at:
        raise ValueError(
            "Argument `model` must have blocks with 2-D convolutions and "
            "activations, or branches that meet again; else name the layers "
            "in `positions`. Received: a model without any"
        )
    blocks = [at[position] for position in sorted(at)]
    regions = set().union(*(block.region for block in branched))
    hidden = [
        step.operation.name
        for step in graph.steps
        if step.index in graph.live - regions
        and any(
            layer_kinds.is_spatial(each)
            for each in layer_kinds.inner_convolutions(step.operation)
        )
    ]
    return Search(
        blocks,
        [graph.steps[block.position] for block in blocks],
        [graph.steps[index].operation.name for index in bare],
        list(dict.fromkeys(hidden)),
    )


def check_graph(model):
    """Raises a ValueError, if a model's graph cannot be read."""
    if not graph_reading.is_graph(model):
        raise ValueError(
            "Argument `model` must be a functional or Sequential keras.Model; "
            "the graph of another cannot be read. "
            f"Received: model of type {type(model).__name__}"
        )
    if not hasattr(model, "inputs"):
        raise ValueError(
            "Argument `model` must be built: begin it with keras.Input(shape). "
            f"Received: unbuilt model {model.name}"
        )


def asked_for(model, calls, positions):
    """Chooses by layer names, indices into `model.layers` or a predicate.

    Returns: a dict like that of `Search.chosen`; φ follows whole layers.
    Raises: ValueError, if a layer does not exist or is no feature map, or
        nothing is chosen.
    """
    layers = [
        call.operation
        for call in calls
        if isinstance(call.operation, keras.Layer)
    ]
    if callable(positions):
        wanted = [layer for layer in layers if positions(layer)]
    elif isinstance(positions, (list, tuple)):
        wanted = []
        for position in positions:
            if isinstance(position, str):
                wanted += _named(layers, position)
            else:
                wanted.append(_indexed(model, position))
    else:
        raise ValueError(
            'Argument `positions` must be "auto", "before_pooling", "top", '
            '"bottom", a list of layer names and indices, or a predicate '
            "`layer -> bool`. "
            f"Received: positions={positions!r}"
        )
    if not wanted:
        raise ValueError(
            "Argument `positions` must choose at least one layer. "
            f"Received: positions={positions!r}"
        )
    for call in calls:
        if call.operation in wanted and not _is_feature_map(call):
            raise ValueError(
                "Argument `positions` must choose layers that put out one "
                "feature map (batch, height, width, channels). Received: layer "
                f"{call.operation.name} of shape "
                f"{[tuple(x.shape) for x in call.outputs]}"
            )
    return dict.fromkeys(wanted, False)


def _named(layers, name):
    found = [layer for layer in layers if layer.name == name]
    if not found:
        names = [layer.name for layer in layers]
        close = difflib.get_close_matches(name, names) or names[:3]
        raise ValueError(
            "Argument `positions` must hold names of layers behind the input, "
            f"such as {close}. Received: {name!r}"
        )
    return found


def _indexed(model, index):
    layers = model.layers
    if isinstance(index, bool) or not isinstance(index, int):
        raise ValueError(
            "Argument `positions` must hold names and integers. "
            f"Received: {index!r}"
        )
    if not -len(layers) <= index < len(layers):
        raise ValueError(
            f"Argument `positions` must hold indices below {len(layers)}, the "
            f"number of layers. Received: {index}"
        )
    if isinstance(layers[index], keras.layers.InputLayer):
        raise ValueError(
            "Argument `positions` must hold layers behind the input. "
            f"Received: {index}, the input layer {layers[index].name}"
        )
    return layers[index]


def _is_feature_map(call):
    outputs = call.outputs
    return len(outputs) == 1 and len(outputs[0].shape) == 4
