"""What a classifier ends in: logits of its classes, or probabilities.

The trap: a softmax of probabilities is a flatter distribution, and the softmax
of a single logit is 1; both look like answers.
"""

import keras

from mp_keras.graphs import graph_reading

_PROBABILITIES = ("softmax", "sigmoid")
_TRANSPARENT = (
    keras.layers.Average,
    keras.layers.Flatten,
    keras.layers.Identity,
    keras.layers.Reshape,
)


def check_logits(model):
    """Refuses a model whose outputs, taken as logits, would mislead.

    Args:
        model: `keras.Model`; of a subclassed one nothing is known.

    Raises: ValueError, if a functional or Sequential model has several
        outputs, puts out one number, or ends in softmax or sigmoid.
    """
    if not graph_reading.is_built_graph(model):
        return
    outputs = model.outputs
    if len(outputs) != 1:
        raise ValueError(
            "Argument `model` must have one output, the logits. "
            f"Received: model {model.name} with {len(outputs)} outputs"
        )
    _check_output(model, 0)


def check_from_logits(model, from_logits):
    """Refuses outputs that are said to be logits and would mislead.

    Args:
        model: `keras.Model`; of a subclassed one nothing is known.
        from_logits: Bool, or list or dict of bools like the outputs.

    Raises: ValueError, if they are not like the outputs, or such an output is
        one number, or ends in softmax or sigmoid.
    """
    if not graph_reading.is_built_graph(model):
        return
    flags = per_output(from_logits, graph_reading.view(model).output)
    for number, flag in enumerate(keras.tree.flatten(flags)):
        if flag:
            _check_output(model, number)


def per_output(value, outputs):
    """Returns a value for each output, in a structure like theirs.

    Raises: ValueError, if `value` is a structure unlike theirs.
    """
    if isinstance(value, bool):
        return keras.tree.map_structure(lambda _: value, outputs)
    # Keras may have wrapped the list or dict, or take a tuple for a list.
    for kinds in ((list, tuple), (dict,)):
        if isinstance(outputs, kinds) and isinstance(value, kinds):
            value = type(outputs)(value)
    try:
        keras.tree.assert_same_structure(outputs, value)
    except (ValueError, TypeError) as error:
        raise ValueError(
            "Argument `from_logits` must be a bool, or a list or dict of bools "
            f"like the model's outputs. Received: from_logits={value!r}"
        ) from error
    return value


def _check_output(model, number):
    shape = tuple(model.outputs[number].shape)
    if shape[-1] == 1:
        raise ValueError(
            "Argument `model` must have a logit for each of two or more "
            "classes; the softmax of one is 1. Received: model "
            f"{model.name} with outputs {shape}"
        )
    function = _last_function(model.outputs[number])
    if function in _PROBABILITIES:
        raise ValueError(
            "Argument `model` must end in logits, or `from_logits` be False "
            "where there is such an argument. Received: model "
            f"{model.name}, which ends in {function}"
        )


def _last_function(tensor):
    """Returns the lower-case name of the activation, or layer, it comes from.

    What leaves probabilities as they are is looked through.
    """
    last, node, number = tensor._keras_history
    if graph_reading.is_graph(last):
        return _last_function(last.outputs[number])
    activation = getattr(last, "activation", None)
    name = getattr(activation, "__name__", None) or type(last).__name__
    is_linear = isinstance(last, keras.layers.Activation) and name == "linear"
    if is_linear or isinstance(last, _TRANSPARENT) or name == "Cast":
        return _last_function(last._inbound_nodes[node].input_tensors[0])
    return name.lower()
