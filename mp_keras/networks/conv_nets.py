"""Conv4, the four-block network of the few-shot literature.

MetaPerturb, appendix C.3: C64-M-C64-M-C64-M-C64-M-FC, where C is a 3x3
convolution with bias, batch norm and ReLU, M a 2x2 max-pool and FC a dense
layer on the flattened features. φ sits between batch norm and ReLU.
"""

import keras

from mp_keras.networks import initializers
from mp_keras.networks import placement


def Conv4(  # noqa: N802
    classes,
    input_shape=(32, 32, 3),
    perturbation=None,
    channels=64,
    seed=None,
    stochastic=True,
):
    """Returns the Conv4 network, a functional model that ends in logits.

    Args:
        classes: Int >= 2, number of logits.
        input_shape: `(height, width, channels)`, height and width at least 16
            pixels.
        perturbation: `PerturbationFunction` for 4 positions, or None
            (default) for the plain network.
        channels: Int, default 64: channels of every block.
        seed: Int or None (default). Seed of the perturbation's noise.
        stochastic: Bool, default True, see `MetaPerturbLayer`.

    Raises: ValueError, if `classes` is below 2 or the input is too small.

    >>> Conv4(10).count_params()  # 115,658 of them trained
    116170
    """
    if classes < 2:
        raise ValueError(
            "Argument `classes` must be at least 2. "
            f"Received: classes={classes}"
        )
    if None in input_shape[:2] or min(input_shape[:2]) < 16:
        raise ValueError(
            "Argument `input_shape` must be at least 16 pixels high and wide, "
            f"for four poolings. Received: input_shape={input_shape}"
        )
    place = placement.Placement(
        perturbation, channels, input_shape[0], seed, stochastic
    )
    inputs = keras.Input(input_shape, name="images")
    features = inputs
    for _ in range(4):
        convolution = initializers.convolution(channels, features.shape[-1])
        features = initializers.batch_norm()(convolution(features))
        features = keras.layers.ReLU()(place(features))
        features = keras.layers.MaxPooling2D(2)(features)
    features = keras.layers.Flatten()(features)
    logits = initializers.dense(classes, features.shape[-1])(features)
    return keras.Model(inputs, logits, name="conv4")
