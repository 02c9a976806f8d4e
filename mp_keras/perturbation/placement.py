"""Places layers into a network: one per position, φ's norms by one rule.

`channel_norm` is the largest channel count among the network's positions and
`spatial_norm` the height of its input, so that a φ learned at 32 pixels in
one network works unchanged at 84 pixels in another. Both, and the numbers in
names and seeds, are those of all positions, used or not.
"""

import contextlib

import keras

from mp_keras import seeds
from mp_keras.perturbation import function
from mp_keras.perturbation import layer
from mp_keras.perturbation import locations


class Placement:
    """Puts a layer at the positions of one network, one after the other.

    Calling it with a feature map returns what the layer at this position
    makes of it; without a layer here, the feature map itself. A layer that
    says nothing else computes in the dtype policy of the call, None for the
    one that Keras is set to.

    Args:
        perturbation: `PerturbationFunction`; or a function
            `make_layer(index) -> keras.layers.Layer` of the position's
            number, from 0 at the input; or None for a plain network.
        levels: Sequence of ints, positions of each level (`locations`).
        channel_norm: Int, the largest channel count among the positions.
        spatial_norm: Int, height of the network's input in pixels. Both norms
            are φ's alone.
        positions: Str, default "all", one of `locations.LOCATIONS`: the
            positions that get a layer.
        seed: Int or None: seed of φ's noise; position `i` gets `seed + i`.
        stochastic: Bool, default True, see `MetaPerturbLayer`; φ's alone.

    Raises: ValueError, if `perturbation` is none of these, `positions` is
        unknown, or there is a φ but no `spatial_norm`.
    """

    def __init__(
        self,
        perturbation,
        levels,
        channel_norm=None,
        spatial_norm=None,
        positions="all",
        seed=None,
        stochastic=True,
    ):
        if isinstance(perturbation, function.PerturbationFunction):
            self.make_layer = phi_layers(
                perturbation, channel_norm, spatial_norm, seed, stochastic
            )
        elif perturbation is None or is_layer_maker(perturbation):
            self.make_layer = perturbation
        else:
            raise ValueError(
                "Argument `perturbation` must be a PerturbationFunction, a "
                "function `make_layer(index)` that returns a Keras layer, or "
                f"None. Received: perturbation={perturbation!r}"
            )
        self.kept = locations.kept(levels, positions)
        self.count = 0

    def __call__(self, features, policy=None):
        number = self.count
        self.count += 1
        if self.make_layer is None or number not in self.kept:
            return features
        with _policy(policy):
            made = self.make_layer(number)
        if not isinstance(made, keras.layers.Layer):
            raise ValueError(
                "A function `make_layer(index)` must return a Keras layer. "
                f"Received: {made!r} at index {number}"
            )
        return made(features)


@contextlib.contextmanager
def _policy(policy):
    """Lets Keras make layers in a dtype policy; None: in the one it has."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy or before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def is_layer_maker(value):
    """Returns whether it is a function of a position, not a layer itself."""
    return callable(value) and not isinstance(value, keras.layers.Layer)


def phi_layers(phi, channel_norm, spatial_norm, seed=None, stochastic=True):
    """Returns the function that makes φ's layer of a position's number.

    Args, raises: as for `Placement`.
    """
    if spatial_norm is None:
        raise ValueError(
            "The height of the network's input sets the spatial norm and "
            "must be known. Received: input height None"
        )
    first_seed = seeds.given_or_drawn(seed)

    def make_layer(index):
        return layer.MetaPerturbLayer(
            phi,
            channel_norm=channel_norm,
            spatial_norm=spatial_norm,
            stochastic=stochastic,
            seed=first_seed + index,
            name=f"meta_perturb_{index}",
        )

    return make_layer
