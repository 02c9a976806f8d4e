"""New initial weights for a network that is built already.

Building a network costs far more than drawing its weights, and meta-training
wants many networks that differ in their initial weights alone.
"""

import keras


def draw(network):
    """Returns initial weights as the network's layers would draw them now.

    Args:
        network: Built `keras.Model`. Each trainable weight `NAME` has its
            initializer in the attribute `NAME_initializer` of its layer, as in
            Keras' own layers.

    Returns: list of arrays, as `network.trainable_variables`. The random draws
        follow `keras.utils.set_random_seed`.
    Raises: ValueError, if a weight has no initializer there, or one with a
        seed, which would draw the same numbers each time.
    """
    owners = {}
    for layer in network._flatten_layers(include_self=False):
        # A layer comes before the layers inside, which own the weight.
        owners |= {id(weight): layer for weight in layer.trainable_variables}
    return [
        keras.ops.convert_to_numpy(
            _unseeded(weight, owners.get(id(weight))).clone()(
                weight.shape, dtype=weight.dtype
            )
        )
        for weight in network.trainable_variables
    ]


def _unseeded(weight, layer):
    initializer = getattr(layer, f"{weight.name}_initializer", None)
    if not isinstance(initializer, keras.Initializer):
        raise ValueError(
            "Initial weights are drawn by the initializers that layers have as "
            f"attributes, `{weight.name}_initializer` for {weight.name!r}. "
            f"Received: weight {weight.path} without one"
        )
    if initializer.get_config().get("seed") is not None:
        raise ValueError(
            "Initial weights that are to differ need initializers without a "
            f"seed. Received: weight {weight.path} with {initializer}"
        )
    return initializer
