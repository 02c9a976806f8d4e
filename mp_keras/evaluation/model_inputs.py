"""What a model predicts from: images, or several arrays with images."""

import keras
import numpy as np
from keras import ops


def check(images, seed):
    """Returns the inputs as arrays, and the number of examples.

    Args:
        images: Array-like, or list or dict of them.
        seed: Int, of the first example's noise.

    Raises: ValueError, if there is no 4-D array, no example, unequal numbers
        of them, or `seed` is out of its range.
    """
    images = keras.tree.map_structure(ops.convert_to_numpy, _structure(images))
    arrays = keras.tree.flatten(images)
    counts = {len(array) if array.ndim else 0 for array in arrays}
    if not any(array.ndim == 4 for array in arrays) or len(counts) != 1:
        counts = {0}
    if 0 in counts:
        shapes = [array.shape for array in arrays]
        raise ValueError(
            "Argument `images` must be (examples, height, width, channels), "
            "with an example at least, or a list or dict of arrays with such "
            "images and equally many examples. Received: shape "
            f"{', '.join(map(str, shapes))}"
        )
    (examples,) = counts
    if not 0 <= seed < 2**31 - examples:
        raise ValueError(
            f"Argument `seed` must be in [0, {2**31 - examples}). "
            f"Received: seed={seed}"
        )
    return images, examples


def _structure(images):
    """Returns nested lists of numbers as one array, other lists as they are."""
    if isinstance(images, (list, tuple)) and not any(
        hasattr(each, "shape") for each in images
    ):
        return np.asarray(images)
    return images
