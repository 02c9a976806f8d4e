"""What an operation of a convolutional network does, by class and weights.

Rules about blocks ask it of layers of Keras, of operations behind `+` or
`ops.relu`, and of layers of the caller's own, which nobody can look into.
"""

import keras

CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)
# Parts of lower-case class names of layers and ops that are activations.
_ACTIVATIONS = (
    "elu gelu silu swish mish tanh softplus softsign thresholded".split()
) + ["relu"]
# Functions that leave the features, or make probabilities or gates of them.
_NO_ACTIVATIONS = frozenset(
    "linear softmax log_softmax sigmoid hard_sigmoid".split()
)
_GATES = frozenset("softmax sigmoid hard_sigmoid hardsigmoid".split())
_RESIZING = (
    keras.layers.Conv2DTranspose,
    keras.layers.UpSampling2D,
    keras.layers.Resizing,
)


def core(operation):
    """Returns the layer inside wrappers such as SpectralNormalization."""
    while isinstance(operation, keras.layers.Wrapper):
        operation = operation.layer
    return operation


def is_convolution(operation):
    """Whether it is a 2-D convolution, Keras' or one with a kernel of its own.

    The latter is a layer without inner layers and with a weight
    `(height, width, channels, channels)`.
    """
    operation = core(operation)
    if isinstance(operation, CONVOLUTIONS):
        return True
    if not isinstance(operation, keras.Layer) or operation._layers:
        return False
    return not _is_keras(operation) and any(
        len(weight.shape) == 4 for weight in operation.trainable_weights
    )


def is_spatial(convolution):
    """Whether a convolution's kernel is larger than 1x1."""
    convolution = core(convolution)
    size = getattr(convolution, "kernel_size", None)
    if size is None:
        size = [tuple(w.shape[:2]) for w in convolution.weights][0]
    return max(size) > 1


def is_depthwise(convolution):
    """Whether it filters every channel, or small groups, by itself."""
    convolution = core(convolution)
    if isinstance(convolution, keras.layers.DepthwiseConv2D):
        return True
    groups = getattr(convolution, "groups", 1)
    return groups > 1 and groups == getattr(convolution, "filters", None)


def inner_convolutions(operation):
    """Returns the convolutions inside a layer that is not read further.

    Those that make gates, of one channel or behind a sigmoid, are left out.

    Args:
        operation: Any operation; a functional model, which is read further,
            and a convolution by itself have none.
    """
    if not isinstance(operation, keras.Layer) or is_convolution(operation):
        return []
    return [
        layer
        for layer in operation._flatten_layers(include_self=False)
        if is_convolution(layer)
        and not is_gate(layer)
        and getattr(layer, "filters", None) != 1
    ]


def is_activation(operation):
    """Whether it is an activation: a layer or an op; no gate, no softmax."""
    if isinstance(operation, keras.layers.Activation):
        return has_activation(operation)
    name = type(operation).__name__.lower()
    return not _weighty(operation) and any(
        part in name for part in _ACTIVATIONS
    )


def is_gate(operation):
    """Whether it, or the function fused in it, makes factors in [0, 1]."""
    activation = getattr(core(operation), "activation", None)
    name = getattr(activation, "__name__", None) or type(activation).__name__
    names = {name.lower(), type(operation).__name__.lower()}
    return not _GATES.isdisjoint(names)


def is_fused(operation):
    """Whether it is a convolution with an activation in it."""
    operation = core(operation)
    return isinstance(operation, CONVOLUTIONS) and has_activation(operation)


def has_activation(layer):
    """Whether a layer's `activation` is one of features."""
    name = getattr(layer.activation, "__name__", None)  # None: a layer
    return name not in _NO_ACTIVATIONS


def is_norm(operation):
    """Whether it is a normalization layer, told by its name."""
    return "norm" in type(operation).__name__.lower()


def is_resizing(operation):
    """Whether it may enlarge feature maps of unknown size."""
    operation = core(operation)
    if isinstance(operation, keras.layers.Conv2DTranspose):
        return max(operation.strides) > 1
    return isinstance(operation, _RESIZING) or (
        type(operation).__name__ == "Resize"
    )


def is_pooling(operation):
    """Whether it takes means or maxima over windows or over the map."""
    return "pool" in type(operation).__name__.lower()


def _is_keras(layer):
    return type(layer).__module__.split(".")[0] == "keras"


def _weighty(operation):
    """Whether an operation holds other layers or kernels."""
    if not isinstance(operation, keras.Layer):
        return False
    return bool(operation._layers) or any(
        len(weight.shape) > 3 for weight in operation.weights
    )
