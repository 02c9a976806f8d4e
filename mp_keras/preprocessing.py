"""Pixels as the networks see them (the authors' normalization)."""

import keras
from keras import ops

from mp_keras import annotations

_LUMA = (0.299, 0.587, 0.114)  # of red, green and blue
MOST_PIXELS = 2**26  # of a file, 8192 x 8192; 1/4 GiB when decoded


def normalize(images: annotations.Array) -> keras.KerasTensor:
    """Returns pixels in [0, 255] as float32 in [-1, 1].

    Args:
        images: Tensor or array of any shape and real type.

    Returns: `(images / 255 - 0.5) / 0.5`.
    """
    return (ops.cast(images, "float32") / 255.0 - 0.5) / 0.5


def on_white(images):
    """Returns images over a white ground, as a page shows them.

    Args:
        images: int32 array or tensor `(..., 4)`: red, green, blue, alpha, each
            in [0, 255].

    Returns: int32 `(..., 3)`, rounded; what is opaque stays as it is.
    """
    alpha = images[..., 3:]
    return (images[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255


def luma(images):
    """Returns float32 gray values of colour images (ITU-R BT.601).

    Args:
        images: Tensor `(..., 3)`: red, green, blue.

    Returns: `(..., 1)`, not rounded.
    """
    colored = ops.cast(images, "float32") * _LUMA
    return ops.sum(colored, axis=-1, keepdims=True)


def preparation(model, normalized):
    """Returns the function from uint8 pixels to what a model takes.

    Args:
        model: `keras.Model` of one input.
        normalized: Bool: whether it takes normalized images; else it takes
            the pixels, as float32.

    Raises: ValueError, if its input is no image of known size, or one of
        integers, which cannot be normalized.
    """
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or None in shape[1:]:
        raise ValueError(
            "Argument `model` must have one input (batch, height, width, "
            f"channels) of known size. Received: input shape {shape}"
        )
    if not normalized:
        return lambda images: ops.cast(images, "float32")
    dtypes = [tensor.dtype for tensor in getattr(model, "inputs", ())]
    if not all(map(keras.backend.is_float_dtype, dtypes)):
        raise ValueError(
            "Argument `normalize` must be False for a model that takes pixels "
            f"as integers. Received: an input of dtype {dtypes[0]}"
        )
    return normalize
