"""Random numbers that a seed alone decides, drawn one after the other.

An episode brings its seed with it. So a resumed run, and a task that moves to
another replica, draw the same noise; there is no state to save.
"""

import tensorflow as tf


class NoiseStream:
    """Draws tensors; two streams of one seed draw the same.

    The draws are counted in Python: inside a traced function a stream must be
    made and used up in the same trace.

    Args:
        seed: Int tensor `(2,)`.
        dtype: Str, default "float32", of what is not an integer.
        scale: Scalar float tensor by which normal numbers are multiplied, or
            None (default).
    """

    def __init__(self, seed, dtype="float32", scale=None):
        self._seed = tf.cast(seed, tf.int32)
        self._dtype = dtype
        self._scale = scale
        self._draws = 0

    def fork(self, number):
        """Returns another stream.

        Args:
            number: Int or scalar int tensor, which one of this stream's.
        """
        seed = _fold(_fold(self._seed, -1), number)
        return NoiseStream(seed, self._dtype, self._scale)

    def normal(self, shape):
        """Returns standard-normal numbers, times the scale."""
        draws = tf.random.stateless_normal(
            shape, self._next(), dtype=self._dtype
        )
        return draws if self._scale is None else self._scale * draws

    def beta(self, shape, gamma):
        """Returns numbers of Beta(gamma, gamma), in [0, 1]."""
        first, second = (
            tf.random.stateless_gamma(
                shape,
                self._next(),
                tf.cast(gamma, self._dtype),
                dtype=self._dtype,
            )
            for _ in range(2)
        )
        # Both may round to 0 where gamma is small.
        return tf.math.divide_no_nan(first, first + second)

    def integers(self, shape, limit):
        """Returns int32 numbers from 0 to `limit` - 1."""
        return tf.random.stateless_uniform(
            shape, self._next(), maxval=limit, dtype=tf.int32
        )

    def permutations(self, count, length):
        """Returns int32 `(count, length)`, each row an order of its own."""
        keys = tf.random.stateless_uniform((count, length), self._next())
        return tf.argsort(keys, axis=1)

    def _next(self):
        self._draws += 1
        return _fold(self._seed, self._draws)


def _fold(seed, number):
    return tf.random.experimental.stateless_fold_in(seed, number)
