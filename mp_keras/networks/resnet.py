"""ResNet20, the CIFAR kind of He et al. (CVPR 2016, section 4.2).

MetaPerturb, appendix C.3: C16-ResBlk(3, 16)-ResBlk(3, 32)-ResBlk(3, 64)-GAP-FC
with 3x3 convolutions without biases; shortcuts have no parameters: stride 2
takes every other pixel, and new channels are zeros, half before and half after
the old ones. φ sits after each addition, before the block's last ReLU.
"""

import keras
from keras import ops

from mp_keras.networks import initializers
from mp_keras.networks import placement

_WIDTHS = (16, 32, 64)


def ResNet20(  # noqa: N802
    classes,
    input_shape=(32, 32, 3),
    perturbation=None,
    seed=None,
    stochastic=True,
):
    """Returns ResNet20, a functional model that ends in logits.

    Args:
        classes: Int >= 2, number of logits.
        input_shape: `(height, width, channels)`. Height and width may be None
            in the plain network.
        perturbation: `PerturbationFunction` for 9 positions, or None
            (default) for the plain network.
        seed: Int or None (default). Seed of the perturbation's noise.
        stochastic: Bool, default True, see `MetaPerturbLayer`.

    Raises: ValueError, if `classes` is below 2.

    >>> ResNet20(10).count_params()  # 269,722 of them trained
    271098
    """
    if classes < 2:
        raise ValueError(
            "Argument `classes` must be at least 2. "
            f"Received: classes={classes}"
        )
    place = placement.Placement(
        perturbation, _WIDTHS[-1], input_shape[0], seed, stochastic
    )
    inputs = keras.Input(input_shape, name="images")
    features = _convolution_norm(inputs, _WIDTHS[0])
    features = keras.layers.ReLU()(features)
    for level, width in enumerate(_WIDTHS):
        for block in range(3):
            strides = 2 if level > 0 and block == 0 else 1
            features = _block(features, width, strides, place)
    features = keras.layers.GlobalAveragePooling2D()(features)
    logits = initializers.dense(classes, _WIDTHS[-1])(features)
    return keras.Model(inputs, logits, name="resnet20")


def _block(inputs, width, strides, place):
    """Two convolutions, the shortcut's addition, φ and the last ReLU."""
    features = _convolution_norm(inputs, width, strides)
    features = keras.layers.ReLU()(features)
    features = _convolution_norm(features, width)
    shortcut = inputs
    if strides != 1 or inputs.shape[-1] != width:
        shortcut = ZeroPadShortcut(width, strides)(inputs)
    features = keras.layers.Add()([features, shortcut])
    return keras.layers.ReLU()(place(features))


def _convolution_norm(inputs, width, strides=1):
    if strides != 1:  # one pixel at each side, as PyTorch pads
        padded = keras.layers.ZeroPadding2D(1)(inputs)
    else:
        padded = inputs
    convolution = initializers.convolution(
        width, inputs.shape[-1], strides, bias=False
    )
    return initializers.batch_norm()(convolution(padded))


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

    def __init__(self, channels, strides=2, **kwargs):
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
