"""WRN-28-2, the wide ResNet of Zagoruyko and Komodakis (BMVC 2016).

Depth 28 and width factor 2: a 3x3 convolution of 16 channels, then levels of
4 blocks with 32, 64 and 128 channels, the last two beginning with stride 2:

    before   = ReLU(batch norm(inputs))                     # pre-activation
    hidden   = batch norm(3x3 convolution of before)
    branch   = 3x3 convolution of ReLU(φ(hidden))
    shortcut = inputs, or where the shape changes 1x1 convolution of before
    outputs  = shortcut + branch

and at the end batch norm, ReLU, the average over height and width, and a dense
layer. No convolution has a bias. MetaPerturb's authors use this network
without publishing it: φ sits before each block's last activation, as their
appendix C.3 has it for every residual block. The trap: `perturb_model` given
the plain network finds other positions, the 12 additions, because its rule
knows residual additions and not pre-activation blocks.
"""

import keras

from mp_keras import annotations
from mp_keras.networks import initializers
from mp_keras.networks import residual_chain

_STEM_CHANNELS = 16
_LEVELS = 3


def WideResNet28x2(  # noqa: N802
    classes: int,
    input_shape: annotations.ImageShape = (32, 32, 3),
    perturbation: annotations.Perturbation = None,
    positions: str = "all",
    seed: int | None = None,
    stochastic: bool = True,
) -> keras.Model:
    """Returns WRN-28-2, a functional model that ends in logits.

    Args, raises: as `ResNet`, with 12 positions: every block, between its
        second batch norm and ReLU.

    >>> WideResNet28x2(10).count_params()  # 1,467,610 of them trained
    1471226
    """
    return _wide_resnet(
        28,
        2,
        classes,
        input_shape,
        perturbation,
        positions=positions,
        seed=seed,
        stochastic=stochastic,
    )


def _wide_resnet(depth, factor, classes, input_shape, perturbation, **placing):
    blocks = (depth - 4) // (2 * _LEVELS)
    channels = [_STEM_CHANNELS * factor * 2**i for i in range(_LEVELS)]
    return residual_chain.residual_chain(
        f"wrn_{depth}_{factor}",
        lambda images: residual_chain.convolution(images, _STEM_CHANNELS),
        [(width, blocks) for width in channels],
        _block,
        _norm_relu,
        classes,
        input_shape,
        perturbation,
        **placing,
    )


def _block(inputs, channels, strides, place):
    before = _norm_relu(inputs)
    hidden = residual_chain.convolution_norm(before, channels, strides)
    hidden = keras.layers.ReLU()(place(hidden))
    branch = residual_chain.convolution(hidden, channels)
    shortcut = inputs
    if strides != 1 or inputs.shape[-1] != channels:
        shortcut = residual_chain.convolution(before, channels, strides, size=1)
    return keras.layers.Add()([shortcut, branch])


def _norm_relu(features):
    return keras.layers.ReLU()(initializers.batch_norm()(features))
