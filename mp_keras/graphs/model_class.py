"""The class of a copied network: a subclass that trains in its own way.

Keras makes a class again of inputs and outputs where its constructor passes
them on, `__init__(self, *args, **kwargs)` or none at all. Of another class a
copy can only be a plain functional model, without what the class overrides.
"""

import inspect

import keras

from mp_keras.graphs import graph_reading

_TRAINING = (
    "train_step test_step predict_step compute_loss compute_metrics metrics "
    "fit evaluate predict train_on_batch test_on_batch predict_on_batch"
).split()
_FUNCTIONAL = ["self", "inputs", "outputs", "name"]


def check_kept(model):
    """Refuses a model whose class overrides what its copy would lose.

    Raises: ValueError, if `call` is overridden, or a method of training in a
        class that is not made of inputs and outputs.
    """
    overridden = graph_reading.overridden(model, ["call"])
    if overridden or not _is_made_of_graph(model):
        overridden += graph_reading.overridden(model, _TRAINING)
    if overridden:
        name = type(model).__name__
        raise ValueError(
            f"Argument `model` is of class {name}, which overrides "
            f"{', '.join(overridden)}: its copy would lose that. Copy the "
            "plain graph, `copy = perturb_model(keras.Model(model.input, "
            f"model.output), phi)`, and make a {name} of `copy.input` and "
            "`copy.output`; a class whose `__init__` takes `*args, **kwargs`, "
            "or that has none, and that leaves `call` alone and keeps other "
            "arguments as attributes of their names, is kept. "
            f"Received: model {model.name}"
        )


def like(model, copy):
    """Returns a copied graph as a model of the original's class.

    Args:
        model: `keras.Model`, the original.
        copy: Functional model.

    Returns: `copy` itself, if the class is not made of inputs and outputs.
    """
    kind = type(model)
    if kind is type(copy) or not _is_made_of_graph(model):
        return copy
    named = inspect.getfullargspec(kind.__init__).kwonlyargs
    values = {name: getattr(model, name) for name in named if name != "name"}
    return kind(copy.input, copy.output, name=model.name, **values)


def _is_made_of_graph(model):
    """Returns whether the class can be made again of inputs and outputs.

    Its other arguments have to be attributes of the model.
    """
    kind = type(model)
    if issubclass(kind, keras.Sequential):
        return False
    spec = inspect.getfullargspec(kind.__init__)
    passes_on = spec.varargs is not None and spec.varkw is not None
    return (passes_on or spec.args == _FUNCTIONAL) and all(
        hasattr(model, name) for name in spec.kwonlyargs
    )
