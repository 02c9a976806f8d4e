"""The parameter-free shortcut of the CIFAR ResNets (He et al., CVPR 2016)."""

import typing

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="mp_keras")
class ZeroPadShortcut(keras.layers.Layer):
    """A shortcut without parameters: strided slicing and zero channels.

    Args:
        channels: Int, channels of the output; the added zeros go half before
            and half after the input's channels.
        strides: Int, default 2: keeps every `strides`-th row and column.
        **kwargs: Passed to `keras.layers.Layer`.

    Reference: He et al., CVPR 2016, section 4.2, shortcut option A.
    """

    def __init__(
        self, channels: int, strides: int = 2, **kwargs: typing.Any
    ) -> None:
        super().__init__(**kwargs)
        self.channels = channels
        self.strides = strides

    def call(self, inputs):
        added = self.channels - inputs.shape[-1]
        before = added // 2
        kept = inputs[:, :: self.strides, :: self.strides, :]
        return ops.pad(kept, [[0, 0], [0, 0], [0, 0], [before, added - before]])

    def compute_output_shape(self, input_shape):
        sizes = [
            size if size is None else -(-size // self.strides)
            for size in input_shape[1:3]
        ]
        return (input_shape[0], *sizes, self.channels)

    def get_config(self):
        return {
            **super().get_config(),
            "channels": self.channels,
            "strides": self.strides,
        }
