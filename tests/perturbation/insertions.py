"""What the tests of perturb_model share: networks, images, comparisons."""

import keras
import numpy as np
from keras import layers

from mp_keras.perturbation import positions_of


def images(size=8, count=2, channels=3):
    rng = np.random.default_rng(0)
    return rng.random((count, size, size, channels), dtype="float32")


def switch_off(model):
    for position in positions_of(model):
        position.noise_coefficient.assign(0.0)


def assert_same_network(model, perturbed, inputs):
    """With coefficient 0 the outputs are those of the network, to the bit."""
    switch_off(perturbed)
    np.testing.assert_array_equal(perturbed(inputs), model(inputs))


def names_and_norms(model):
    return [
        (position.name, position.channel_norm, position.spatial_norm)
        for position in positions_of(model)
    ]


def followed(model):
    """Returns the names of the operations that each position follows."""
    return [
        position.input._keras_history.operation.name
        for position in positions_of(model)
    ]


def named_network(**convolution):
    """Convolution, batch norm, ReLU, dense; the convolution's name is first."""
    inputs = keras.Input((8, 8, 3), name="images")
    features = layers.Conv2D(4, 3, name="first", **convolution)(inputs)
    features = layers.BatchNormalization(name="norm")(features)
    features = layers.ReLU(name="relu")(features)
    features = layers.GlobalAveragePooling2D(name="pool")(features)
    return keras.Model(inputs, layers.Dense(2, name="logits")(features))
