"""A `tf.keras` network with φ at two positions, and images it can learn."""

import keras2_layer
import numpy as np
import tensorflow as tf

SIZE = 8  # height and width of the images in pixels
CLASSES = 3


def make_model(path, seed=1):
    """Two convolutions, φ after each batch norm, logits."""
    layers = tf.keras.layers
    inputs = features = tf.keras.Input((SIZE, SIZE, 3))
    for index, channels in enumerate((6, 8)):
        convolution = layers.Conv2D(channels, 3, padding="same", use_bias=False)
        features = layers.BatchNormalization(momentum=0.9)(
            convolution(features)
        )
        features = keras2_layer.MetaPerturbLayer(
            path, 8, SIZE, seed + index, name=f"position_{index}"
        )(features)
        features = layers.MaxPooling2D(2)(layers.ReLU()(features))
    features = layers.GlobalAveragePooling2D()(features)
    return tf.keras.Model(inputs, layers.Dense(CLASSES)(features))


def make_images(count=48):
    """Images whose class is the brighter colour, and their labels."""
    labels = np.arange(count) % CLASSES
    noise = np.random.default_rng(0).normal(size=(count, SIZE, SIZE, 3))
    images = noise + np.eye(CLASSES)[labels][:, None, None]
    return images.astype("float32"), labels


def compile_model(model, optimizer):
    """Compiles with the cross-entropy of logits and the accuracy."""
    model.compile(
        optimizer,
        tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )


def repeatable_predictions(model, images):
    """Returns predictions with the noise of every position's first call."""
    for layer in model.layers:
        if isinstance(layer, keras2_layer.MetaPerturbLayer):
            layer.calls.assign(0)
    return model.predict(images, batch_size=len(images), verbose=0)


def phi_values(model, names):
    """Returns weights of φ by name, those that the first position runs."""
    phi = model.get_layer("position_0").phi.perturbation
    return {name: getattr(phi, name).numpy() for name in names}
