"""A functional network with φ in NumPy (float64), in both of its forms.

Walks the graph layer by layer; φ is `tests/perturbation/reference.py`, with no
noise around its mean. Shares nothing with Keras but the weights.
"""

import numpy as np

from tests.perturbation import reference

_EPSILON = 1e-5  # of batch norm in our networks


def outputs(model, images, training):
    """Returns the logits and what training does to the positions.

    Args:
        model: Functional `keras.Model` of the layers below, its φ made with
            `stochastic=False`.
        images: Array `(batch, height, width, channels)`.
        training: Bool.

    Returns: array `(batch, classes)`; dict from position to its new moving
        mean and variance, empty in test.
    """
    values = {id(model.inputs[0]): np.asarray(images, "float64")}
    moved = {}
    for operation in model.operations:
        if type(operation).__name__ == "InputLayer":
            continue
        arguments = operation._inbound_nodes[0].arguments
        inputs = [values[id(tensor)] for tensor in arguments.keras_tensors]
        name = type(operation).__name__
        if name == "MetaPerturbLayer":
            result, moved_here = _perturb(operation, *inputs, training)
            if training:
                moved[operation.name] = moved_here
        elif name == "BatchNormalization":
            result = _batch_norm(operation, *inputs, training)
        else:
            result = _LAYERS[name](operation, *inputs)
        values[id(operation.output)] = result
    return values[id(model.outputs[0])], moved


def _perturb(layer, h, training):
    config = (layer.channel_norm, layer.spatial_norm, 1.0)
    statistics = None
    if not training:
        statistics = _arrays([layer.moving_mean, layer.moving_variance])
    result = reference.perturbed(
        layer.perturbation.values(), h, None, config, statistics=statistics
    )
    moved = result.get("moving_mean"), result.get("moving_variance")
    return result["output"], moved


def _batch_norm(layer, h, training):
    gamma, beta, mean, variance = _arrays(layer.weights)
    if training:
        mean, variance = h.mean((0, 1, 2)), h.var((0, 1, 2))
    return gamma * (h - mean) / np.sqrt(variance + _EPSILON) + beta


def _convolve(layer, h):
    kernel, *bias = _arrays(layer.weights)
    side = kernel.shape[0] // 2 if layer.padding == "same" else 0
    h = np.pad(h, ((0, 0), (side, side), (side, side), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(
        h, kernel.shape[:2], axis=(1, 2)
    )[:, :: layer.strides[0], :: layer.strides[1]]
    out = np.einsum("bhwcij,ijcd->bhwd", windows, kernel, optimize=True)
    return out + bias[0] if bias else out


def _dense(layer, h):
    kernel, bias = _arrays(layer.weights)
    return h @ kernel + bias


def _max_pool(layer, h):
    windows = np.lib.stride_tricks.sliding_window_view(
        h, layer.pool_size, axis=(1, 2)
    )
    return windows[:, :: layer.strides[0], :: layer.strides[1]].max((-1, -2))


def _zero_pad(layer, h):
    return np.pad(h, ((0, 0), *layer.padding, (0, 0)))


def _shortcut(layer, h):
    before = (layer.channels - h.shape[-1]) // 2
    after = layer.channels - h.shape[-1] - before
    kept = h[:, :: layer.strides, :: layer.strides]
    return np.pad(kept, ((0, 0), (0, 0), (0, 0), (before, after)))


def _arrays(weights):
    return [np.array(weight, "float64") for weight in weights]


_LAYERS = {
    "Add": lambda _, one, two: one + two,
    "Conv2D": _convolve,
    "Dense": _dense,
    "Flatten": lambda _, h: h.reshape(len(h), -1),
    "GlobalAveragePooling2D": lambda _, h: h.mean((1, 2)),
    "MaxPooling2D": _max_pool,
    "ReLU": lambda _, h: np.maximum(h, 0),
    "ZeroPadShortcut": _shortcut,
    "ZeroPadding2D": _zero_pad,
}
