"""A chain of convolution blocks: what Conv4, Conv6 and VGG9 have in common.

MetaPerturb, appendix C.3. Block: 3x3 convolution with bias, batch norm, φ,
ReLU. A 2x2 max-pool ends each level, a dense layer on the flattened features
the network.
"""

import keras

from mp_keras.networks import argument_checks
from mp_keras.networks import initializers
from mp_keras.perturbation import placement


def convolution_chain(
    name, levels, classes, input_shape, perturbation, **placing
):
    """Returns the functional model, which ends in logits.

    Args:
        name: Str, the model's name.
        levels: Sequence of levels, each a sequence of ints: the channels of
            its blocks.
        classes, input_shape, perturbation: as for `Conv4`.
        **placing: `positions`, `seed` and `stochastic`, as for `Conv4`.

    Raises: ValueError, as `Conv4`.
    """
    argument_checks.check_classes(classes)
    argument_checks.check_poolings(input_shape, len(levels))
    place = placement.Placement(
        perturbation,
        [len(level) for level in levels],
        channel_norm=max(max(level) for level in levels),
        spatial_norm=input_shape[0],
        **placing,
    )
    inputs = keras.Input(input_shape, name="images")
    features = inputs
    for level in levels:
        for channels in level:
            convolution = initializers.convolution(channels, features.shape[-1])
            features = initializers.batch_norm()(convolution(features))
            features = keras.layers.ReLU()(place(features))
        features = keras.layers.MaxPooling2D(2)(features)  # half the size
    features = keras.layers.Flatten()(features)
    logits = initializers.dense(classes, features.shape[-1])(features)
    return keras.Model(inputs, logits, name=name)
