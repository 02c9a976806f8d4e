"""Small models, feature maps and φ's for the tests of this folder."""

import keras
import numpy as np
from keras import layers

import mp_keras
from mp_keras import seeds
from mp_keras.perturbation import positions_of
from tests import small_networks

random_phi = small_networks.random_phi


def feature_maps(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def new_layer(phi=None, **arguments):
    arguments = {"channel_norm": 16, "spatial_norm": 8, "seed": 0, **arguments}
    return mp_keras.MetaPerturbLayer(phi or random_phi(), **arguments)


def small_network(phi=None, size=8):
    inputs = keras.Input((size, size, 3))
    features = layers.Conv2D(4, 3, padding="same")(inputs)
    features = layers.BatchNormalization()(features)
    features = layers.ReLU()(new_layer(phi, name="early")(features))
    features = layers.Conv2D(6, 3, strides=2)(features)
    features = new_layer(phi, seed=1, name="late")(features)
    features = layers.GlobalAveragePooling2D()(features)
    return keras.Model(inputs, layers.Dense(2)(features))


def restart_noise(model):
    """Keras does not save the states of seeds: a file starts from the seed."""
    for position in positions_of(model):
        start = seeds.generator(position.seed).state
        position.seed_generator.state.assign(start.value)
