"""Images from features of a block, by a decoder of its own (appendix C).

Lee et al., ICLR 2020, appendix C: the decoder is trained to give images back
from unperturbed features; what it makes of perturbed ones shows what the noise
means in the image. The paper prints no layers: these are ours.

    while the images are twice as large: transposed convolution 3x3, stride 2,
                                         ReLU
    bilinear resizing to the images' size, where they are still larger
    convolution 3x3, sigmoid
"""

import keras
import numpy as np
import tensorflow as tf

from mp_keras import untuned_datasets
from mp_keras.few_shot import activations
from mp_keras.few_shot import block_outputs


def make_decoder(feature_shape, image_shape, filters=32, seed=0):
    """Returns an untrained decoder, a functional `keras.Model`.

    Args:
        feature_shape: Tuple `(height, width, channels)` of a block's output.
        image_shape: Tuple `(height, width, channels)`, at least as large.
        filters: Int >= 1, default 32, of each transposed convolution.
        seed: Int, default 0, of the weights.

    The model maps features `(batch, ...)` to pixels in [0, 1].

    Raises: ValueError, if an argument is out of its range.
    """
    height, width, _ = feature_shape
    if filters < 1 or not 0 < height <= image_shape[0]:
        raise ValueError(
            "Arguments must be a shape of features, one of images at least as "
            "high, and `filters` of at least 1. Received: "
            f"feature_shape={feature_shape}, image_shape={image_shape}, "
            f"filters={filters}"
        )
    start = keras.random.SeedGenerator(seed)
    hidden = inputs = keras.Input(tuple(feature_shape), name="features")
    while 2 * height <= image_shape[0]:
        hidden = keras.layers.Conv2DTranspose(
            filters,
            3,
            strides=2,
            padding="same",
            activation="relu",
            kernel_initializer=keras.initializers.HeNormal(start),
        )(hidden)
        height, width = 2 * height, 2 * width
    if (height, width) != tuple(image_shape[:2]):
        hidden = keras.layers.Resizing(*image_shape[:2])(hidden)
    outputs = keras.layers.Conv2D(
        image_shape[2],
        3,
        padding="same",
        activation="sigmoid",
        kernel_initializer=keras.initializers.GlorotUniform(start),
        name="image",
    )(hidden)
    return keras.Model(inputs, outputs, name="decoder")


def train_decoder(
    network,
    values,
    images,
    block=2,
    epochs=20,
    batch_size=64,
    filters=32,
    learning_rate=1e-3,
    seed=0,
):
    """Returns a decoder, trained to give images back from features.

    Args:
        network: `FewShotNetwork`; its perturbation is left out.
        values: Dict from name to tensor, the weights to start from.
        images: Float array `(examples, height, width, channels)`, pixels in
            [0, 1].
        block: Int, 0 to 3, whose output is decoded; default 2, the paper's
            third layer.
        epochs: Int >= 1, default 20.
        batch_size: Int >= 1, default 64, of training; about so many images
            share the statistics of a batch norm.
        filters: Int >= 1, default 32, see `make_decoder`.
        learning_rate: Float > 0, default 1e-3, of Adam.
        seed: Int >= 0, default 0, of weights and order.

    Returns: `keras.Model` from features to pixels in [0, 1], which minimizes
        the binary cross-entropy.
    Raises: ValueError, if `block` or another argument is out of its range.
    """
    activations.check_block(block)
    _check_training(epochs, batch_size)
    rng = np.random.default_rng(seed)
    images = rng.permutation(np.asarray(images, "float32"))
    features = _unperturbed(network, values, images, block, batch_size)
    decoder = make_decoder(features.shape[1:], images.shape[1:], filters, seed)
    decoder.compile(
        keras.optimizers.Adam(learning_rate), keras.losses.BinaryCrossentropy()
    )
    order = [rng.permutation(len(images)) for _ in range(epochs)]
    batches = tf.data.Dataset.from_tensor_slices(np.concatenate(order))
    inputs, targets = tf.constant(features), tf.constant(images)
    batches = batches.batch(batch_size).map(
        lambda rows: (tf.gather(inputs, rows), tf.gather(targets, rows))
    )
    decoder.fit(untuned_datasets.untuned(batches), verbose=0)
    return decoder


def _unperturbed(network, values, images, block, batch_size):
    """Returns the features of a block, `(examples, height, width, channels)`.

    The batches are of nearly one size: each has its own statistics.
    """
    plain = block_outputs.without_perturbation(network)
    parts = np.array_split(images, -(-len(images) // batch_size))
    return np.concatenate(
        [
            block_outputs.clean_outputs(plain, values, part)[block]
            for part in parts
        ]
    )


def _check_training(epochs, batch_size):
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(
                f"Argument `{name}` must be at least 1. "
                f"Received: {name}={value}"
            )
