"""A chain of residual levels: what all ResNets of the experiments share.

    features = stem(images)
    for each level, for each of its blocks:
        features = block(features)          # φ is in it
    logits = dense(average of end(features) over height and width)

Every level but the first begins with a block of stride 2.
"""

import keras

from mp_keras.networks import argument_checks
from mp_keras.networks import initializers
from mp_keras.networks import zero_pad_shortcut
from mp_keras.perturbation import placement


def residual_chain(
    name,
    stem,
    levels,
    block,
    end,
    classes,
    input_shape,
    perturbation,
    **placing,
):
    """Returns the functional model, which ends in logits.

    Args:
        name: Str, the model's name.
        stem: Function from the images to the first feature map.
        levels: Sequence of `(channels, blocks)`, two ints for each level.
        block: Function `(features, channels, strides, place)` that returns the
            block's output; `place` is a `Placement`.
        end: Function from the last feature map to that which is averaged.
        classes, input_shape, perturbation: as for `ResNet`.
        **placing: `positions`, `seed` and `stochastic`, as for `ResNet`.

    Raises: ValueError, as `ResNet`.
    """
    argument_checks.check_classes(classes)
    place = placement.Placement(
        perturbation,
        [blocks for _, blocks in levels],
        channel_norm=max(channels for channels, _ in levels),
        spatial_norm=input_shape[0],
        **placing,
    )
    inputs = keras.Input(input_shape, name="images")
    features = stem(inputs)
    for level, (channels, blocks) in enumerate(levels):
        for index in range(blocks):
            strides = 2 if level > 0 and index == 0 else 1
            features = block(features, channels, strides, place)
    features = end(features)
    features = keras.layers.GlobalAveragePooling2D()(features)
    logits = initializers.dense(classes, features.shape[-1])(features)
    return keras.Model(inputs, logits, name=name)


def basic_block(features, channels, strides, place, shortcut):
    """Two convolutions, the shortcut's addition, φ and the last ReLU."""
    inputs = features
    features = convolution_norm(features, channels, strides)
    features = keras.layers.ReLU()(features)
    features = convolution_norm(features, channels)
    if strides != 1 or inputs.shape[-1] != channels:
        inputs = shortcut(inputs, channels, strides)
    features = keras.layers.Add()([features, inputs])
    return keras.layers.ReLU()(place(features))


def zero_pad(inputs, channels, strides):
    """Shortcut without parameters (option A of He et al.)."""
    return zero_pad_shortcut.ZeroPadShortcut(channels, strides)(inputs)


def projection(inputs, channels, strides):
    """Shortcut by a 1x1 convolution and batch norm (option B)."""
    return initializers.batch_norm()(
        convolution(inputs, channels, strides, size=1)
    )


def convolution_norm(inputs, channels, strides=1):
    """A 3x3 convolution and batch norm."""
    return initializers.batch_norm()(convolution(inputs, channels, strides))


def convolution(inputs, channels, strides=1, size=3):
    """A convolution without bias, padded as PyTorch pads it."""
    if size == 3 and strides != 1:  # one pixel at each side
        padded = keras.layers.ZeroPadding2D(1)(inputs)
    else:
        padded = inputs
    layer = initializers.convolution(
        channels, inputs.shape[-1], strides, bias=False, size=size
    )
    return layer(padded)
