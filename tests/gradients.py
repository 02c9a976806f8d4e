"""Gradients on the backend that Keras runs on."""

import importlib

import keras


def gradient(function, inputs):
    """Returns the gradient of a scalar function at `inputs`, a tensor.

    Args:
        function: Function from a tensor to a scalar tensor, without effects
            on variables that matter.
        inputs: Float array.
    """
    backend = keras.backend.backend()
    library = importlib.import_module(backend)
    inputs = keras.ops.convert_to_tensor(inputs)
    if backend == "jax":
        with keras.StatelessScope():  # variables keep their values
            return library.grad(function)(inputs)
    if backend == "torch":
        inputs = inputs.detach().requires_grad_()
        return library.autograd.grad(function(inputs), inputs)[0]
    with library.GradientTape() as tape:
        tape.watch(inputs)
        value = function(inputs)
    return tape.gradient(value, inputs)
