"""Finds layers anywhere inside a model, in the order of the model's layers."""


def find_layers(model, wanted):
    """Returns the layers for which `wanted(layer)` holds, each once.

    Args:
        model: `keras.Layer`; layers of nested models are found as well.
        wanted: Function from a layer to a bool.
    """
    # Not `_flatten_layers`: it goes through nested models backwards.
    if wanted(model):
        return [model]
    found = [
        inner for layer in model._layers for inner in find_layers(layer, wanted)
    ]
    return list(dict.fromkeys(found))
