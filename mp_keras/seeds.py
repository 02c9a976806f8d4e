"""Seeds that are drawn once and then kept, and the streams they start.

The trap: Keras on PyTorch adds the seed of a stream and its count of draws,
where other backends mix them. Neighbouring seeds, which positions have, would
give the same stream, one draw later. There, starts are spread out.
"""

import random

import keras

from mp_keras import backends

_SPREAD = 506_952_113  # 2^32 / golden ratio, odd: multiples lie far apart
_SEEDS = 2**31
_REPLICA_STRIDE = 1_000_003  # positions have neighbouring seeds
_STREAM_STRIDE = 1_000_003  # draws between streams, on PyTorch


def given_or_drawn(seed):
    """Returns the seed, or a random one in its place.

    A drawn seed goes into configs: a clone then repeats its layer's noise.

    Args:
        seed: Int or None.
    """
    return random.randint(1, 10**9) if seed is None else seed


def generator(seed):
    """Returns the stream of random numbers of one layer.

    Under a `tf.distribute` strategy each replica has draws of its own; those of
    the first are the draws without a strategy.

    Args:
        seed: Int.
    """
    if keras.backend.backend() == "torch":
        seed = seed * _SPREAD % _SEEDS
    return SeedGenerator(seed)


class SeedGenerator(keras.random.SeedGenerator):
    """Keras' own, with draws for each replica, whose states are the same.

    The trap: its name is a part of its state's name, and TensorFlow wants no
    underscore in front.
    """

    def next(self, ordered=True):
        # Where the state is an argument, as of `stateless_call`, whoever hands
        # it over has told the replicas apart.
        is_variable = hasattr(self.state.value, "assign")
        drawn = super().next(ordered)
        if not is_variable or not backends.is_tensorflow():
            return drawn
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1:
            return drawn
        replica = tf.cast(context.replica_id_in_sync_group, drawn.dtype)
        return drawn + tf.stack([replica * _REPLICA_STRIDE, 0])


def stream_offset(stream):
    """Returns what to add to a seed for the start of one of its streams.

    Args:
        stream: Int >= 0, number of the stream.
    """
    if keras.backend.backend() == "torch":
        return stream * _STREAM_STRIDE
    return stream
