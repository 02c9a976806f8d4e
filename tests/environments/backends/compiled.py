"""Calls a model compiled, as `fit` and `predict` do, and keeps its state."""

import importlib

import keras


def call(model, images, training):
    """Returns the model's outputs; its variables are moved as in a call.

    Args:
        model: Built `keras.Model` or layer.
        images: Float array `(batch, height, width, channels)`.
        training: Bool.
    """
    backend = keras.backend.backend()
    library = importlib.import_module(backend)
    if backend == "torch":
        return model(images, training=training)
    if backend == "tensorflow":
        return library.function(model)(images, training=training)
    trainable = [v.value for v in model.trainable_variables]
    state = [v.value for v in model.non_trainable_variables]
    step = library.jit(
        lambda trainable, state, images: model.stateless_call(
            trainable, state, images, training=training
        )
    )
    outputs, state = step(trainable, state, images)
    for variable, value in zip(model.non_trainable_variables, state):
        variable.assign(value)
    return outputs
