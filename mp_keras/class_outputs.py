"""What a classifier ends in: logits of its classes, or probabilities.

The trap: a softmax of probabilities is a flatter distribution, and the softmax
of a single logit is 1; both look like answers.
"""

from mp_keras.graphs import graph_reading

_PROBABILITIES = ("softmax", "sigmoid")


def check_logits(model):
    """Refuses a model whose outputs, taken as logits, would mislead.

    Args:
        model: `keras.Model`; of a subclassed one nothing is known.

    Raises: ValueError, if a functional or Sequential model has several
        outputs, puts out one number, or ends in softmax or sigmoid.
    """
    if not graph_reading.is_graph(model) or not model.built:
        return
    outputs = model.outputs
    if len(outputs) != 1:
        raise ValueError(
            "Argument `model` must have one output, the logits. "
            f"Received: model {model.name} with {len(outputs)} outputs"
        )
    if outputs[0].shape[-1] == 1:
        raise ValueError(
            "Argument `model` must have a logit for each of two or more "
            "classes; the softmax of one is 1. Received: model "
            f"{model.name} with outputs {tuple(outputs[0].shape)}"
        )
    function = _last_function(model)
    if function in _PROBABILITIES:
        raise ValueError(
            "Argument `model` must end in logits, or `from_logits` be False "
            "where there is such an argument. Received: model "
            f"{model.name}, which ends in {function}"
        )


def _last_function(model):
    """Returns the lower-case name of the last activation, or of the layer."""
    last = model.outputs[0]._keras_history.operation
    if graph_reading.is_graph(last):
        return _last_function(last)
    activation = getattr(last, "activation", None)
    name = getattr(activation, "__name__", None) or type(last).__name__
    return name.lower()
