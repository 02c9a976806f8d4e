"""ResNets of He et al. (CVPR 2016) for small images, with basic blocks.

MetaPerturb, appendix C.3, with 3x3 convolutions without biases:

    ResNet20, 32, 44, 56:  C16-ResBlk(n, 16)-ResBlk(n, 32)-ResBlk(n, 64)-GAP-FC
                           with n = 3, 5, 7, 9

the CIFAR kind (section 4.2): shortcuts have no parameters; stride 2 takes
every other pixel, and new channels are zeros, half before and half after the
old ones. And, with the channels of section 4.1 (not in the paper's tables),

    ResNet18, 34:  C64-ResBlk(2 or 3, 64)-ResBlk(2 or 4, 128)
                   -ResBlk(2 or 6, 256)-ResBlk(2 or 3, 512)-GAP-FC

for small images: a 3x3 convolution of stride 1 in place of the 7x7 one of
stride 2 and the max-pool; shortcuts that change shape are 1x1 convolutions
with batch norm. φ sits after each addition, before the block's last ReLU.
"""

import functools

import keras

from mp_keras import annotations
from mp_keras import argument_checks
from mp_keras.networks import residual_chain

_CIFAR_CHANNELS = (16, 32, 64)
_CHANNELS = (64, 128, 256, 512)
# Blocks of each level, by depth.
_CIFAR_BLOCKS = {depth: ((depth - 2) // 6,) * 3 for depth in (20, 32, 44, 56)}
_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}


def ResNet(  # noqa: N802
    depth: int,
    classes: int,
    input_shape: annotations.ImageShape = (32, 32, 3),
    perturbation: annotations.Perturbation = None,
    positions: str = "all",
    seed: int | None = None,
    stochastic: bool = True,
) -> keras.Model:
    """Returns a ResNet for small images, a functional model of logits.

    Args:
        depth: Int, 20, 32, 44, 56, 18 or 34, as a network's name says it.
        classes: Int >= 2, number of logits.
        input_shape: `(height, width, channels)`. Height and width may be None
            in a network without φ.
        perturbation: `PerturbationFunction` for every block's position; or a
            function `make_layer(index) -> keras.layers.Layer` of the
            position's number, from 0 at the input; or None (default) for the
            plain network.
        positions: Str, default "all": the positions that get a layer.
            "before_pooling": the last of each level, that is of each spatial
            size; "top": the last level's; "bottom": the first level's.
        seed: Int or None (default). Seed of φ's noise.
        stochastic: Bool, default True, see `MetaPerturbLayer`.

    Raises: ValueError, if `depth`, `perturbation` or `positions` is none of
        these, `classes` is below 2, or the height is None and there is φ.

    >>> ResNet20(10).count_params()  # 269,722 of them trained
    271098
    >>> ResNet18(10).count_params()  # 11,173,962 of them trained
    11183562
    """
    argument_checks.check_one_of("depth", depth, (*_CIFAR_BLOCKS, *_BLOCKS))
    if depth in _CIFAR_BLOCKS:
        shortcut = residual_chain.zero_pad
        levels = list(zip(_CIFAR_CHANNELS, _CIFAR_BLOCKS[depth]))
    else:
        shortcut = residual_chain.projection
        levels = list(zip(_CHANNELS, _BLOCKS[depth]))

    def stem(images):
        channels = levels[0][0]
        features = residual_chain.convolution_norm(images, channels)
        return keras.layers.ReLU()(features)

    return residual_chain.residual_chain(
        f"resnet{depth}",
        stem,
        levels,
        functools.partial(residual_chain.basic_block, shortcut=shortcut),
        lambda features: features,
        classes,
        input_shape,
        perturbation,
        positions=positions,
        seed=seed,
        stochastic=stochastic,
    )


ResNet20 = functools.partial(ResNet, 20)
"""`ResNet` of depth 20, with 9 positions."""
ResNet32 = functools.partial(ResNet, 32)
"""`ResNet` of depth 32, with 15 positions."""
ResNet44 = functools.partial(ResNet, 44)
"""`ResNet` of depth 44, with 21 positions."""
ResNet56 = functools.partial(ResNet, 56)
"""`ResNet` of depth 56, with 27 positions."""
ResNet18 = functools.partial(ResNet, 18)
"""`ResNet` of depth 18, with 8 positions."""
ResNet34 = functools.partial(ResNet, 34)
"""`ResNet` of depth 34, with 16 positions."""
for _network in (ResNet20, ResNet32, ResNet44, ResNet56, ResNet18, ResNet34):
    _network.__doc__ = ResNet.__doc__  # what `help` shows
