"""Reads a Keras network as a list of calls.

A call (a Keras node) is an operation, most often a layer, with the tensors that
one use of it takes and puts out.
"""

import keras


def has_graph(operation):
    """Returns whether it is a functional or Sequential model."""
    return isinstance(operation, keras.Model) and isinstance(
        operation, (keras.Function, keras.Sequential)
    )


def is_graph(operation):
    """Returns whether it is a model that does what its graph says.

    That is a functional or Sequential one whose class leaves `call` alone.
    """
    return has_graph(operation) and not overridden(operation, ["call"])


def is_built_graph(operation):
    """Returns whether it is such a model, with inputs and outputs."""
    return is_graph(operation) and operation.built


def check_built_graph(model):
    """Raises ValueError, if `model` is no `is_built_graph`."""
    if not is_built_graph(model):
        raise ValueError(
            "Argument `model` must be a functional or built Sequential "
            "keras.Model whose class leaves `call` alone. "
            f"Received: model={model!r}"
        )


def overridden(model, names):
    """Returns those of some methods that are not Keras' own in a model."""
    own = [
        kind
        for kind in type(model).__mro__
        if kind.__module__.split(".")[0] not in ("keras", "builtins")
    ]
    return [name for name in names if any(name in vars(kind) for kind in own)]


def view(model):
    """Returns a plain functional model over the same layers."""
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    return keras.Model(model.input, model.output, name=model.name)


def calls(model, seen=None):
    """Yields every call in a model's graph, first calls first.

    Args:
        model: Functional or Sequential `keras.Model`; calls inside a nested
            model come before the call of that model.
        seen: Set of the models that were read already, or None.
    """
    seen = {model} if seen is None else seen
    for node in own_nodes(view(model)):
        operation = node.operation
        if is_graph(operation) and operation not in seen:
            seen.add(operation)
            yield from calls(operation, seen)
        if not node.is_input:
            yield node


def own_nodes(functional):
    """Yields the nodes of a functional model's own graph, inputs first."""
    nodes_by_depth = functional._nodes_by_depth
    for depth in sorted(nodes_by_depth, reverse=True):
        yield from nodes_by_depth[depth]
