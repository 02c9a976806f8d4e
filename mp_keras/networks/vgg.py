"""VGG9, a small VGG (Simonyan and Zisserman, ICLR 2015) for small images.

MetaPerturb, appendix C.3, with C, M and FC as in `conv_nets`:

    C64-M-C128-M-C256-C256-M-C512-C512-M-C512-C512-M-FC

Eight convolutions and one dense layer, on the flattened features (512 of them
at 32 pixels), not the three dense layers of the original. φ sits between batch
norm and ReLU.
"""

import keras

from mp_keras import annotations
from mp_keras.networks import convolution_chain

_LEVELS = ((64,), (128,), (256, 256), (512, 512), (512, 512))


def VGG9(  # noqa: N802
    classes: int,
    input_shape: annotations.ImageShape = (32, 32, 3),
    perturbation: annotations.Perturbation = None,
    positions: str = "all",
    seed: int | None = None,
    stochastic: bool = True,
) -> keras.Model:
    """Returns the VGG9 network, a functional model that ends in logits.

    Args:
        classes, perturbation, positions, seed, stochastic: as for `Conv4`,
            with 8 positions.
        input_shape: `(height, width, channels)`, height and width at least 32
            pixels.

    Raises: ValueError, as `Conv4`.

    >>> VGG9(10).count_params()  # 9,231,114 of them trained
    9236618
    """
    return convolution_chain.convolution_chain(
        "vgg9",
        _LEVELS,
        classes,
        input_shape,
        perturbation,
        positions=positions,
        seed=seed,
        stochastic=stochastic,
    )
