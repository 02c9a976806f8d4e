"""Standard normal numbers, quickly, where TensorFlow runs on a CPU.

Each element of each feature map needs one of them (MetaPerturb, eq. (1)), and
TensorFlow's own generator, one number at a time, is the most expensive part of
a position on a CPU. Two forms replace it there; docs/performance.md has what
they save:

    exact(shape)  = Box-Muller: sqrt(-2 log(1 - u)) * (cos, sin)(2 pi v),
                    u, v uniform, each operation over whole vectors
    shared(shape) = for each example, a window of one fixed table of normal
                    draws, at an offset that is drawn

`shared` is for training alone, where a step's noise is used once. On a GPU, on
JAX and on PyTorch both are `keras.random.normal`. The trap: the table must not
get into exported models, which are made of the test form, hence `exact`.
"""

import functools
import math

import keras
import numpy as np
from keras import ops

from mp_keras import backends

_ROW = 64  # offsets are multiples of so many numbers
_ROWS = 2**15  # 8 MiB
_TABLE_SEED = 0


def exact(shape, dtype, seed):
    """Returns independent standard normal draws.

    Args:
        shape: Tuple of ints and integer scalar tensors.
        dtype: Str, a float dtype.
        seed: `keras.random.SeedGenerator`.
    """
    if not backends.is_tensorflow_cpu():
        return keras.random.normal(shape, dtype=dtype, seed=seed)
    count = math.prod(shape)  # a tensor, if a size is one
    half = (count + 1) // 2
    uniform = keras.random.uniform((2, half), dtype="float32", seed=seed)
    # 1 - u is in (0, 1]: u itself can be 0.
    radius = ops.sqrt(-2 * ops.log(1 - uniform[0]))
    angle = 2 * math.pi * uniform[1]
    draws = [radius * ops.cos(angle), radius * ops.sin(angle)]
    draws = ops.concatenate(draws)[:count]
    return ops.cast(ops.reshape(draws, shape), dtype)


def shared(shape, dtype, seed):
    """Returns standard normal draws that a later call may return again.

    Examples, positions and steps have windows of one table of 2^21 draws, at
    independent offsets; a window goes on at the table's start where it ends.

    Args:
        shape: Tuple (batch, ...) of ints and integer scalar tensors.
        dtype: Str, a float dtype.
        seed: `keras.random.SeedGenerator`.
    """
    if not backends.is_tensorflow_cpu():
        return exact(shape, dtype, seed)
    numbers = math.prod(shape[1:])  # a tensor, if a size is one
    rows = -(-numbers // _ROW)
    offsets = keras.random.randint((shape[0], 1), 0, _ROWS, seed=seed)
    indices = (offsets + ops.arange(rows, dtype=offsets.dtype)) % _ROWS
    draws = ops.take(_table(), indices, axis=0)  # (batch, rows, 64)
    draws = ops.reshape(draws, (shape[0], rows * _ROW))[:, :numbers]
    return ops.cast(ops.reshape(draws, shape), dtype)


@functools.cache
def _table():
    import tensorflow as tf

    draws = np.random.default_rng(_TABLE_SEED).standard_normal(
        (_ROWS, _ROW), dtype="float32"
    )
    with tf.init_scope():  # graphs refer to it, none holds a copy
        return tf.constant(draws)
