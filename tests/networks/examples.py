"""What the tests of the networks share: φ, counts, checks of a whole model."""

import keras
import numpy as np

from mp_keras.perturbation import positions_of
from tests import small_networks


def trained_parameters(model):
    return sum(np.prod(weight.shape) for weight in model.trainable_weights)


def names(model):
    """Returns the names of φ's layers, in the order of the positions."""
    return [position.name for position in positions_of(model)]


def shapes(model):
    """Returns height, width and channels at each position."""
    return [position.input.shape[1:] for position in positions_of(model)]


def norms(model):
    """Returns the set of `(channel_norm, spatial_norm)` in the network."""
    return {
        (position.channel_norm, position.spatial_norm)
        for position in positions_of(model)
    }


def operations_around(position):
    """Returns the types of the layers before and after a position."""
    before = position.input._keras_history.operation
    (after,) = [node.operation for node in position._outbound_nodes]
    return type(before), type(after)


def assert_reloads(model, tmp_path):
    """A saved and loaded network gives equal outputs, noise included."""
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    images = small_networks.draw_images(2, *model.input_shape[1:])
    np.testing.assert_array_equal(loaded(images), model(images))


def randomize_batch_norms(model):
    """Gives every batch norm statistics and weights that are not 0 or 1."""
    rng = np.random.default_rng(0)
    for norm in model.layers:
        if isinstance(norm, keras.layers.BatchNormalization):
            norm.set_weights(
                [rng.uniform(0.5, 1.5, w.shape) for w in norm.get_weights()]
            )
