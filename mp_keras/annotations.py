"""Types that several public functions take.

Keras and TensorFlow carry no types: models, layers and tensors are `Any` to a
type checker, and their names are for the reader. Arrays are what NumPy takes.
"""

import os
from collections import abc

import keras
import numpy.typing as npt

from mp_keras.perturbation import function

Array = npt.ArrayLike
Path = str | os.PathLike[str]
Inputs = Array | abc.Sequence[Array] | abc.Mapping[str, Array]  # of a model
PerOutput = bool | abc.Sequence[bool] | abc.Mapping[str, bool]
ImageShape = tuple[int, int, int]  # height, width, channels
LayerMaker = abc.Callable[[int], keras.layers.Layer]  # of a position's number
Perturbation = function.PerturbationFunction | LayerMaker | None
Positions = (
    str | abc.Sequence[str | int] | abc.Callable[[keras.layers.Layer], bool]
)
