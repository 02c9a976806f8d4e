"""PyTorch's default initial values, which the published φ has seen.

Convolutions: Kaiming-normal over the fan-out (He et al., ICCV 2015). Dense
kernels and all biases: uniform in +-1 / sqrt(fan_in).
"""

import math

import keras

BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}  # Keras: 0.99, 1e-3


def convolution(filters, input_channels, strides=1, bias=True, size=3):
    """Returns a "same" convolution with these initial values.

    PyTorch's padding of one pixel at each side, for stride 2 as well: there
    Keras' "same" would pad one side only, so the padding is explicit.

    Args:
        filters: Int, output channels.
        input_channels: Int, for the range of the bias.
        strides: 1 or 2.
        bias: Bool, default True.
        size: 1 or 3 (default): height and width of the kernel.
    """
    return keras.layers.Conv2D(
        filters,
        size,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        use_bias=bias,
        kernel_initializer=keras.initializers.VarianceScaling(
            scale=2.0, mode="fan_out", distribution="untruncated_normal"
        ),
        bias_initializer=_uniform(size**2 * input_channels),
    )


def dense(units, inputs):
    """Returns a dense layer with these initial values.

    Args:
        units: Int, output size.
        inputs: Int, input size.
    """
    return keras.layers.Dense(
        units,
        kernel_initializer=_uniform(inputs),
        bias_initializer=_uniform(inputs),
        dtype="float32",  # logits stay float32 in mixed precision
    )


def batch_norm():
    """Returns batch norm with PyTorch's momentum and epsilon."""
    return keras.layers.BatchNormalization(**BATCH_NORM)


def _uniform(fan_in):
    limit = 1 / math.sqrt(fan_in)
    return keras.initializers.RandomUniform(-limit, limit)
