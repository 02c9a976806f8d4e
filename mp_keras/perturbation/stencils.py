"""One 3x3 kernel for every channel, and sums over maps, on each backend.

What φ is made of (function.py); TensorFlow, JAX and PyTorch are each quick in
another form, docs/performance.md.
"""

import keras
from keras import ops

from mp_keras import backends


def depthwise(features, kernel):
    """Convolves every channel with the same 3x3 kernel, "same" padding."""
    kernel = ops.cast(ops.convert_to_tensor(kernel), features.dtype)
    if keras.backend.backend() == "jax":
        return _shifted_sum(features, kernel)
    if keras.backend.backend() == "torch":
        return _grouped_convolution(features, kernel)
    channels = ops.shape(features)[-1]
    kernel = ops.broadcast_to(kernel[:, :, None, None], (3, 3, channels, 1))
    return ops.depthwise_conv(
        features,
        kernel,
        strides=1,
        padding="same",
        data_format="channels_last",
    )


def pooled_depthwise(pooled, kernel):
    """The same for one channel, `(batch, height, width, 1)`.

    TensorFlow's kernels for a CPU work on whole vectors of channels, and of
    one channel take about as long as of 16: here the examples are the channels.
    """
    if not backends.is_tensorflow_cpu():
        return depthwise(pooled, kernel)
    turned = ops.transpose(pooled, (3, 1, 2, 0))  # (1, height, width, batch)
    return ops.transpose(depthwise(turned, kernel), (3, 1, 2, 0))


def _grouped_convolution(features, kernel):
    """The same as `ops.depthwise_conv`, which on PyTorch copies the maps."""
    import torch

    features = ops.convert_to_tensor(features)
    channels = features.shape[-1]
    kernels = kernel.expand(channels, 1, 3, 3).contiguous()
    outputs = torch.nn.functional.conv2d(
        features.permute(0, 3, 1, 2), kernels, padding=1, groups=channels
    )  # (batch, channels, height, width), in memory as the features
    return outputs.permute(0, 2, 3, 1)


def sum_over_map(features):
    """Sums over height and width, `(batch, channels)`."""
    if keras.backend.backend() != "torch":
        return ops.sum(features, axis=(1, 2))
    # In the gradient, PyTorch then spreads whole rows and not single pixels.
    batch, height, width, channels = ops.shape(features)
    rows = ops.reshape(features, (batch, height, width * channels))
    row = ops.sum(rows, axis=1)  # (batch, width * channels)
    return ops.sum(ops.reshape(row, (batch, width, channels)), axis=1)


def _shifted_sum(features, kernel):
    """The same as nine products, which XLA fuses with what is around them."""
    _, height, width, _ = ops.shape(features)
    padded = ops.pad(features, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return sum(
        kernel[row, column]
        * padded[:, row : row + height, column : column + width]
        for row in range(3)
        for column in range(3)
    )
