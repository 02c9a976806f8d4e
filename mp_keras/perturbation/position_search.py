"""Finds the places for φ in the graph of a Keras network (figure 3).

The graph is read as a list of calls (Keras nodes): an operation, most often a
layer, with the tensors that one call of it takes and puts out.

Without other wishes the first of these rules that finds anything decides:

    each residual addition of two feature maps          # ResNet, EfficientNet
    else each batch norm that feeds an activation       # DenseNet, MobileNet
    else each convolution that feeds an activation      # VGG16
"""

import difflib
import itertools

import keras

_CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)
# Lower-case class names of layers and ops that are activations.
_ACTIVATIONS = frozenset(
    "relu relu6 leakyrelu prelu elu selu celu gelu silu hardsilu tanh hardtanh "
    "softplus softsign".split()
)
# Functions that leave the features, or make probabilities or gates of them.
_NO_ACTIVATIONS = frozenset(
    "linear softmax log_softmax sigmoid hard_sigmoid".split()
)


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


def automatic(calls):
    """Chooses by the first rule that finds anything.

    Returns: a dict from operation to bool: whether φ goes before the activation
        that is fused in it; else φ follows the operation.
    Raises: ValueError, if no rule finds anything.
    """
    consumers = {}
    for call in calls:
        for tensor in call.input_tensors:
            consumers.setdefault(id(tensor), []).append(call.operation)

    def feeds_activation(call):
        followers = consumers.get(id(call.outputs[0]), [])
        return any(_is_activation(follower) for follower in followers)

    def norm_feeds_activation(call):
        norm = isinstance(call.operation, keras.layers.BatchNormalization)
        return norm and feeds_activation(call)

    def convolution_feeds_activation(call):
        return isinstance(call.operation, _CONVOLUTIONS) and (
            _is_fused(call.operation) or feeds_activation(call)
        )

    maps = [call for call in calls if _is_feature_map(call)]
    for rule in (
        _is_residual,
        norm_feeds_activation,
        convolution_feeds_activation,
    ):
        found = [call.operation for call in maps if rule(call)]
        if found:
            return {operation: _is_fused(operation) for operation in found}
    raise ValueError(
        "Argument `model` must have a residual addition of feature maps, or a "
        "batch norm or convolution before an activation; else name the layers "
        "in `positions`. Received: a model without any"
    )


def asked_for(model, calls, positions):
    """Chooses by layer names, indices into `model.layers` or a predicate.

    Returns: a dict like that of `automatic`; φ follows each layer as a whole.
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


def _is_residual(call):
    # `Add` is the name of the layer and of the op behind `x + y`; the op of
    # `x + 3` has one tensor only.
    return (
        type(call.operation).__name__ == "Add"
        and len(call.input_tensors) > 1
        and all(x.shape == call.outputs[0].shape for x in call.input_tensors)
    )


def _is_activation(operation):
    if isinstance(operation, keras.layers.Activation):
        return _has_activation(operation)
    return type(operation).__name__.lower() in _ACTIVATIONS


def _is_fused(operation):
    return isinstance(operation, _CONVOLUTIONS) and _has_activation(operation)


def _has_activation(layer):
    name = getattr(layer.activation, "__name__", None)  # None: a layer
    return name not in _NO_ACTIVATIONS


def _is_feature_map(call):
    outputs = call.outputs
    return len(outputs) == 1 and len(outputs[0].shape) == 4
