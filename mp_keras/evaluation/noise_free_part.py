"""The part of a network before its noise, which one pass computes once.

Monte Carlo prediction (MetaPerturb, Algorithm 2, line 10) repeats what the
noise changes; what lies before the first noisy layer is the same in every
sample.

    noisy tensors = outputs of a noisy layer, and of layers that read one
    border        = other tensors that such a layer reads
    network       = (border -> outputs) after (inputs -> border)
"""

import keras

from mp_keras.graphs import graph_reading
from mp_keras.graphs import layer_search


def split(model, is_noisy):
    """Returns the two parts of a network, over the same layers.

    Args:
        model: `keras.Model`.
        is_noisy: Function from a layer to bool; a nested model is noisy as a
            whole if one of its layers is.

    Returns: two `keras.Model`s, from the images to a tensor or list of tensors
        and from there to the outputs. The first is None, and the second the
        model itself, if nothing lies before the noise, or the model is not a
        functional or Sequential one with one input, which is no dict.
    """
    if (
        not graph_reading.is_built_graph(model)
        or len(model.inputs) != 1
        or len(model.outputs) != 1
    ):
        return None, model
    noisy, border = set(), {}
    view = graph_reading.view(model)
    if any(isinstance(each, dict) for each in (view.input, view.output)):
        return None, model
    for node in graph_reading.own_nodes(view):
        reads = node.input_tensors  # none of an input
        if _has(node.operation, is_noisy) or any(id(t) in noisy for t in reads):
            noisy.update(id(tensor) for tensor in node.output_tensors)
            border.update((id(tensor), tensor) for tensor in reads)
    images = view.inputs[0]
    if not border or id(images) in border:
        return None, model
    tensors = [each for key, each in border.items() if key not in noisy]
    middle = tensors if len(tensors) > 1 else tensors[0]
    return keras.Model(images, middle), keras.Model(middle, view.outputs[0])


def _has(operation, is_noisy):
    is_layer = isinstance(operation, keras.Layer)
    return is_layer and bool(layer_search.find_layers(operation, is_noisy))
