"""Residual networks in test mode, in NumPy, from a Keras model's weights."""

import re

import keras
import numpy as np


class NumpyNetwork:
    """Walks through a network's convolutions and batch norms as they were made.

    Args:
        model: `keras.Model` whose weights are used.
    """

    def __init__(self, model):
        self.convolutions = _as_made(model, keras.layers.Conv2D)
        self.norms = _as_made(model, keras.layers.BatchNormalization)
        self.kernel, self.bias = model.layers[-1].get_weights()

    def convolve(self, images, strides=1):
        """The next convolution, with zeros at each side as PyTorch's."""
        (kernel,) = next(self.convolutions).get_weights()
        return convolve(images, kernel, strides)

    def norm(self, features):
        gamma, beta, mean, variance = next(self.norms).get_weights()
        return gamma * (features - mean) / np.sqrt(variance + 1e-5) + beta

    def logits(self, features):
        return features.mean(axis=(1, 2)) @ self.kernel + self.bias


def resnet(model, images, levels, shortcut):
    """He et al.'s; `levels` holds (channels, blocks), `shortcut` is B or A."""
    net = NumpyNetwork(model)
    features = relu(net.norm(net.convolve(images)))
    for channels, strides in _blocks(levels):
        inputs = features
        features = relu(net.norm(net.convolve(inputs, strides)))
        features = net.norm(net.convolve(features))
        if inputs.shape != features.shape and shortcut == "B":
            inputs = net.norm(net.convolve(inputs, strides))
        elif inputs.shape != features.shape:
            added = (channels - inputs.shape[-1]) // 2
            sides = [(0, 0)] * 3 + [(added, added)]
            inputs = np.pad(inputs[:, ::strides, ::strides], sides)
        features = relu(features + inputs)
    return net.logits(features)


def wide_resnet(model, images, levels):
    """Zagoruyko and Komodakis's, with pre-activation blocks."""
    net = NumpyNetwork(model)
    features = net.convolve(images)
    for channels, strides in _blocks(levels):
        before = relu(net.norm(features))
        branch = net.norm(net.convolve(before, strides))
        branch = net.convolve(relu(branch))
        if features.shape != branch.shape:
            features = net.convolve(before, strides)
        features = features + branch
    return net.logits(relu(net.norm(features)))


def convolve(images, kernel, strides):
    """A convolution with zeros at each side, as PyTorch's padding."""
    side = kernel.shape[0] // 2
    padded = np.pad(images, ((0, 0), (side, side), (side, side), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(
        padded, kernel.shape[:2], axis=(1, 2)
    )[:, ::strides, ::strides]  # (batch, height, width, channels, 3, 3)
    return np.einsum("bhwcij,ijcd->bhwd", windows, kernel, optimize=True)


def relu(features):
    return np.maximum(features, 0)


def _blocks(levels):
    for level, (channels, blocks) in enumerate(levels):
        for index in range(blocks):
            yield channels, 2 if level > 0 and index == 0 else 1


def _as_made(model, kind):
    """Iterates over layers in the order of the numbers in their names."""
    found = [layer for layer in model.layers if isinstance(layer, kind)]
    found.sort(key=lambda x: int((re.findall(r"_(\d+)$", x.name) or [0])[0]))
    return iter(found)
