"""Pixels as the networks see them (the authors' normalization)."""

import keras
from keras import ops

from mp_keras import annotations

MOST_PIXELS = 2**26  # of a file, 8192 x 8192; 1/4 GiB when decoded


def normalize(images: annotations.Array) -> keras.KerasTensor:
    """Returns pixels in [0, 255] as float32 in [-1, 1].

    Args:
        images: Tensor or array of any shape and real type.

    Returns: `(images / 255 - 0.5) / 0.5`.
    """
    return (ops.cast(images, "float32") / 255.0 - 0.5) / 0.5
