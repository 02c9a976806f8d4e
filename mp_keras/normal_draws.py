"""Standard normal numbers, quickly, where TensorFlow runs on a CPU.

Each element of each feature map needs one of them (MetaPerturb, eq. (1)), and
TensorFlow's own generator, one number at a time, is the most expensive part of
a position on a CPU. Three forms replace it there; docs/performance.md has what
they save:

    exact(shape)   = Box-Muller: sqrt(-2 log(1 - u)) * (cos, sin)(2 pi v),
                     u, v uniform, each operation over whole vectors
    shared(shape)  = for each example, a window of one fixed table of normal
                     draws, at an offset that is drawn
    grouped(shape) = `exact` for 16 examples, and the same draws, turned, for
                     each further 16

`shared` is for training alone, where a step's noise is used once; `grouped` for
Monte Carlo prediction, which averages each example by itself. On a GPU, on JAX
and on PyTorch all are `keras.random.normal`. The trap: the table must not get
into exported models, which are made of the test form, hence the other two.
"""

import contextlib
import contextvars
import functools
import math

import keras
import numpy as np
from keras import ops

from mp_keras import backends

_ROW = 64  # offsets are multiples of so many numbers
_ROWS = 2**15  # 8 MiB
_TABLE_SEED = 0
_GROUP = 16  # examples
_FEW = 1024  # so few numbers of an example are always drawn
_is_grouping = contextvars.ContextVar("is_grouping", default=False)


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


def grouped(shape, dtype, seed):
    """Returns standard normal draws, independent for 16 examples at a time.

    Those of one example are independent, and those of any two calls. Each
    further 16 examples have the first ones' draws, turned by a number of rows
    that is drawn. Where an example has fewer than 1,024 numbers, all are
    independent.

    Args:
        shape: Tuple (batch, height, width, channels) of ints and integer
            scalar tensors.
        dtype: Str, a float dtype.
        seed: `keras.random.SeedGenerator`.
    """
    batch, height, *row = shape
    numbers = math.prod(shape[1:])  # a tensor, if a size is one
    is_few = isinstance(numbers, int) and numbers < _FEW
    if is_few or not backends.is_tensorflow_cpu():
        return exact(shape, dtype, seed)
    rows = ops.minimum(batch, _GROUP) * height
    draws = exact((rows, *row), dtype, seed)
    groups = ops.arange(-(-batch // _GROUP))
    turns = keras.random.randint(ops.shape(groups), 0, rows, seed=seed)
    turns = ops.where(groups > 0, turns, 0)
    example = ops.arange(batch)
    starts = example % _GROUP * height + ops.take(turns, example // _GROUP)
    indices = (starts[:, None] + ops.arange(height)) % rows
    return ops.take(draws, indices, axis=0)


@contextlib.contextmanager
def grouping():
    """Within it, draws `in_test` are `grouped`."""
    token = _is_grouping.set(True)
    try:
        yield
    finally:
        _is_grouping.reset(token)


def in_test(shape, dtype, seed):
    """Returns `exact` draws; `grouped` ones within `grouping`."""
    draw = grouped if _is_grouping.get() else exact
    return draw(shape, dtype, seed)


@functools.cache
def _table():
    import tensorflow as tf

    draws = np.random.default_rng(_TABLE_SEED).standard_normal(
        (_ROWS, _ROW), dtype="float32"
    )
    with tf.init_scope():  # graphs refer to it, none holds a copy
        return tf.constant(draws)
