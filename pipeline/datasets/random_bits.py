"""Random numbers that are a pure function of integers, many at once.

`tf.random.stateless_*` takes one seed for a whole tensor; here every element
has its own, which lets one vectorised call serve a batch whose examples each
decide for themselves. The mixing is the 64-bit finalizer of SplitMix64
(Steele, Lea and Flood, OOPSLA 2014), chained over the words of a seed.
"""

import numpy as np
import tensorflow as tf

_INCREMENT = 0x9E3779B97F4A7C15
_MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_SHIFTS = (30, 27, 31)


def _shift_right(bits, places):
    return tf.bitwise.right_shift(bits, tf.constant(places, tf.uint64))


def _mix(bits):
    for shift, multiplier in zip(_SHIFTS, _MULTIPLIERS):
        bits = tf.bitwise.bitwise_xor(bits, _shift_right(bits, shift))
        bits = bits * tf.constant(multiplier, tf.uint64)
    return tf.bitwise.bitwise_xor(bits, _shift_right(bits, _SHIFTS[-1]))


def hash_words(*words):
    """Hashes integers to 64 bits, element by element.

    Args:
        *words: Integers or integer tensors that broadcast against each other.

    Returns:
        uint64 tensor of the shape they broadcast to.
    """
    bits = tf.constant(0, tf.uint64)
    for word in words:
        word = tf.bitcast(tf.cast(word, tf.int64), tf.uint64)
        bits = tf.bitwise.bitwise_xor(bits, word)
        bits = _mix(bits + tf.constant(_INCREMENT, tf.uint64))
    return bits


def uniform_integers(bits, bound, offset):
    """Draws integers in [0, bound) from 20 of the 64 bits of each hash.

    Args:
        bits: `(rows,)` uint64 of `hash_words`.
        bound: Int or uint64 tensor, at most 2**20.
        offset: Int in [0, 44], the first bit to use.

    Returns:
        `(rows,)` int32.
    """
    window = tf.bitwise.bitwise_and(
        _shift_right(bits, offset), tf.constant(2**20 - 1, tf.uint64)
    )
    scaled = window * tf.cast(bound, tf.uint64)
    return tf.cast(_shift_right(scaled, 20), tf.int32)


def shuffled_indices(positions, size, stream):
    """Maps positions of an endless stream to examples, epoch by epoch.

    Position `p` belongs to epoch `p // size`; the `size` positions of an epoch
    hit every example exactly once, in an order of that epoch's own.

    Args:
        positions: `(n,)` int64 of at least 0.
        size: Int or scalar int64, the number of examples.
        stream: Int or scalar int64, which stream of random numbers to use.

    Returns:
        `(n,)` int64 in [0, size).
    """
    size = tf.cast(size, tf.int64)
    epochs = positions // size
    bits = [hash_words(stream, epochs, part) for part in (0, 1)]  # (n,) each
    low = tf.constant(2**32 - 1, tf.uint64)
    seeds = tf.stack(  # (n, 3): the op reads 32 bits of each word
        [
            tf.bitwise.bitwise_and(bits[0], low),
            _shift_right(bits[0], 32),
            tf.bitwise.bitwise_and(bits[1], low),
        ],
        axis=1,
    )
    # The raw op, because `tf.random.experimental.index_shuffle` rejects one
    # seed per index in TF 2.21. Plain epoch numbers as seeds would repeat:
    # for small sets the op looks at their lowest bits only.
    return tf.raw_ops.RandomIndexShuffle(
        index=positions % size,
        seed=seeds,
        max_index=tf.fill(tf.shape(positions), size - 1),
        rounds=4,
    )


def stream_number(*words):
    """Returns an int64 >= 0 that stands for the ints `words`, all >= 0."""
    state = np.random.SeedSequence(words).generate_state(1, np.uint64)
    return np.int64(state[0] >> np.uint64(1))
