"""Perturbed networks of a few hundred numbers, which compile in seconds."""

import keras
import numpy as np
from keras import layers

import mp_keras
from mp_keras.perturbation import function

SIZE = 8  # height and width of the images in pixels
CLASSES = 3


def random_phi(seed=0, spread=0.3, **options):
    """A φ whose numbers are far from 0, so that each of them counts."""
    rng = np.random.default_rng(seed)
    return mp_keras.PerturbationFunction(
        {
            name: rng.normal(0, spread, shape)
            for name, shape in function.WEIGHT_SHAPES.items()
        },
        **options,
    )


def make_network(phi=None, batch_norm=True, seed=1, **arguments):
    """Two convolutions, φ at two positions of 4 and 6 channels, logits."""
    phi = phi or random_phi()
    inputs = features = keras.Input((SIZE, SIZE, 3), name="images")
    for index, channels in enumerate((4, 6)):
        features = layers.Conv2D(
            channels, 3, padding="same", use_bias=not batch_norm
        )(features)
        if batch_norm:
            norm = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
            features = norm(features)
        features = mp_keras.MetaPerturbLayer(
            phi,
            channel_norm=6,
            spatial_norm=SIZE,
            seed=seed + index,
            name=f"position_{index}",
            **arguments,
        )(features)
        features = layers.MaxPooling2D(2)(layers.ReLU()(features))
    features = layers.GlobalAveragePooling2D()(features)
    return keras.Model(inputs, layers.Dense(CLASSES)(features), name="small")


def draw_images(*shape, seed=0):
    """Standard normal pixels, float32."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32")
