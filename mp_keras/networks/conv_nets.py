"""Conv4 and Conv6, networks of the few-shot literature.

MetaPerturb, appendix C.3, where C is a 3x3 convolution with bias, batch norm
and ReLU, M a 2x2 max-pool and FC a dense layer on the flattened features:

    Conv4:               C64-M-C64-M-C64-M-C64-M-FC
    Conv6, the paper's:  C64-M-C64-M-C64-C64-M-C64-M-C64-M-FC
    Conv6, the code's:   C64-M-C64-M-C64-C64-M-C64-C64-M-FC

φ sits between batch norm and ReLU.
"""

import keras

from mp_keras import annotations
from mp_keras import argument_checks
from mp_keras.networks import convolution_chain

# Blocks of each level; a pooling ends every level.
_CONV6_LEVELS = {"code": (1, 1, 2, 2), "paper": (1, 1, 2, 1, 1)}


def Conv4(  # noqa: N802
    classes: int,
    input_shape: annotations.ImageShape = (32, 32, 3),
    perturbation: annotations.Perturbation = None,
    positions: str = "all",
    seed: int | None = None,
    stochastic: bool = True,
    channels: int = 64,
) -> keras.Model:
    """Returns the Conv4 network, a functional model that ends in logits.

    Args:
        classes: Int >= 2, number of logits.
        input_shape: `(height, width, channels)`, height and width at least 16
            pixels.
        perturbation: `PerturbationFunction` for 4 positions; or a function
            `make_layer(index) -> keras.layers.Layer` of the position's
            number, from 0 at the input; or None (default) for the plain
            network.
        positions: Str, default "all": the positions that get a layer.
            "before_pooling": the last of each level, that is of each spatial
            size; "top": the last level's; "bottom": the first level's.
        seed: Int or None (default). Seed of φ's noise.
        stochastic: Bool, default True, see `MetaPerturbLayer`.
        channels: Int, default 64: channels of every block.

    Raises: ValueError, if `classes` is below 2, the input is too small,
        `perturbation` is none of these or `positions` is unknown.

    >>> Conv4(10).count_params()  # 115,658 of them trained
    116170
    """
    return convolution_chain.convolution_chain(
        "conv4",
        [[channels]] * 4,
        classes,
        input_shape,
        perturbation,
        positions=positions,
        seed=seed,
        stochastic=stochastic,
    )


def Conv6(  # noqa: N802
    classes: int,
    input_shape: annotations.ImageShape = (32, 32, 3),
    perturbation: annotations.Perturbation = None,
    positions: str = "all",
    seed: int | None = None,
    stochastic: bool = True,
    channels: int = 64,
    variant: str = "code",
) -> keras.Model:
    """Returns the Conv6 network, a functional model that ends in logits.

    Args:
        classes, perturbation, positions, seed, stochastic, channels: as for
            `Conv4`, with 6 positions.
        input_shape: `(height, width, channels)`, height and width at least 16
            pixels, with `variant="paper"` 32.
        variant: "code" (default): 4 poolings, after blocks 1, 2, 4 and 6;
            "paper": 5 poolings, after blocks 1, 2, 4, 5 and 6.

    Raises: ValueError, as `Conv4`, or if `variant` is unknown.

    >>> Conv6(10).count_params()  # 189,770 of them trained
    190538
    """
    # Differs from the paper: four poolings, because the authors' code, whose
    # numbers these are to be compared with, has four.
    argument_checks.check_one_of("variant", variant, _CONV6_LEVELS)
    return convolution_chain.convolution_chain(
        "conv6",
        [[channels] * blocks for blocks in _CONV6_LEVELS[variant]],
        classes,
        input_shape,
        perturbation,
        positions=positions,
        seed=seed,
        stochastic=stochastic,
    )
