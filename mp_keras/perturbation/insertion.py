"""Puts φ, or any layer, into any Keras network, keras.applications included.

MetaPerturb, figure 3: φ sits in every block, before its last activation. In an
unknown network `position_search` finds these places:

    calls  = every call of a layer in the graph, first calls first
    chosen = the layers that φ shall follow
    norms  = those of all chosen layers, whatever `positions` leaves out
    copy   = each layer's copy, φ behind the chosen ones   # model_copy

The trap: the norms are known only once all positions are, so the graph is read
first and rebuilt after.
"""

import typing

import keras

from mp_keras import annotations
from mp_keras.graphs import graph_reading
from mp_keras.graphs import layer_search
from mp_keras.graphs import model_class
from mp_keras.graphs import model_copy
from mp_keras.perturbation import found_positions
from mp_keras.perturbation import function
from mp_keras.perturbation import image_height
from mp_keras.perturbation import locations
from mp_keras.perturbation import placement
from mp_keras.perturbation import position_search
from mp_keras.perturbation import positions_of

# "all" is the word for a network's own positions, "auto" for found ones.
_RULES = ("auto", *locations.LOCATIONS[1:])


def perturb_model(
    model: keras.Model,
    phi: function.PerturbationFunction,
    positions: annotations.Positions = "auto",
    *,
    seed: int | None = None,
    spatial_norm: float | None = None,
    stochastic: bool = True,
) -> keras.Model:
    """Returns a copy of a network with φ at every position.

    The copy is a functional model, not compiled, with the layer names, weights
    and trainable flags of `model`, which stays as it is; of its class, where
    that is made of inputs and outputs. Nested models get φ inside. The trap:
    `fit` runs a nested model in training form, φ and dropout included, even
    where the graph calls it with `training=False`; only frozen batch norm
    stays in test form.

    Args:
        model: Functional or built Sequential `keras.Model`, channels last.
        phi: `PerturbationFunction`.
        positions: "auto" (default) for the rules of `position_search`; or of
            these positions only "before_pooling", the last of each level,
            "top", those of the last level, or "bottom", those of the first
            (level: consecutive positions of one height; numbers and norms
            stay those of "auto"); or layer names and indices into
            `model.layers` after which φ goes; or a predicate `layer -> bool`.
            All but indices see nested models.
        seed: Int or None (default). Seed of the noise; position `i`, counted
            from the input, gets `seed + i`.
        spatial_norm: Positive number or None (default): the height in pixels
            of the image where the first convolution sees it.
        stochastic: Bool, default True, see `MetaPerturbLayer`.

    Raises: ValueError, if `model` is subclassed, unbuilt or holds φ already,
        or overrides a method of training that a copy cannot keep;
        `phi` is no `PerturbationFunction`; no position is found, or one that
        was asked for does not exist or is no feature map; the input's height
        is unknown and `spatial_norm` not given; or heights that tell levels
        apart are unknown.

    >>> import keras
    >>> inputs = keras.Input((8, 8, 3), name="images")
    >>> outputs = keras.layers.Conv2D(4, 3, name="first")(inputs)
    >>> phi = function.PerturbationFunction(seed=0)
    >>> model = perturb_model(keras.Model(inputs, outputs), phi, ["first"])
    >>> [layer.name for layer in model.layers]
    ['images', 'first', 'meta_perturb_0']
    """
    _check_phi(phi)
    _check_model(model)
    if positions_of(model):
        raise ValueError(
            "Argument `model` must be without φ. Received: model "
            f"{model.name} with a MetaPerturbLayer"
        )
    places = _find(model, positions)
    if spatial_norm is None:
        spatial_norm = image_height.find(model, places.calls)
    channels = max(call.outputs[0].shape[-1] for call in places.calls)
    place = placement.Placement(
        phi,
        places.levels,
        channels,
        spatial_norm,
        places.location,
        seed,
        stochastic,
    )
    return _copy(model, places, place)


def insert_layers(
    model: keras.Model,
    make_layer: annotations.LayerMaker,
    positions: annotations.Positions = "auto",
) -> keras.Model:
    """Returns a copy of a network with a layer of its own at every position.

    The twin of `perturb_model` for other layers: what it says of the copy, of
    nested models and of `positions` holds here as well.

    Args:
        model: Functional or built Sequential `keras.Model`, channels last.
        make_layer: Function from a position's number, counted from 0 at the
            input, to a new `keras.layers.Layer`; its output has the shape of
            its input.
        positions: As for `perturb_model`.

    Raises: ValueError, if `model` is subclassed or unbuilt, or overrides a
        method of training that a copy cannot keep; `make_layer` is no
        function, or returns anything but a layer; or for `positions` as
        `perturb_model`.

    >>> import keras
    >>> inputs = keras.Input((8, 8, 3), name="images")
    >>> outputs = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    >>> model = insert_layers(
    ...     keras.Model(inputs, outputs),
    ...     lambda index: keras.layers.SpatialDropout2D(0.1),
    ... )
    >>> [type(layer).__name__ for layer in model.layers]
    ['InputLayer', 'Conv2D', 'SpatialDropout2D', 'Activation']
    """
    if not placement.is_layer_maker(make_layer):
        raise ValueError(
            "Argument `make_layer` must be a function `index -> "
            f"keras.layers.Layer`. Received: make_layer={make_layer!r}"
        )
    _check_model(model)
    places = _find(model, positions)
    place = placement.Placement(
        make_layer, places.levels, positions=places.location
    )
    return _copy(model, places, place)


class _Places(typing.NamedTuple):
    """What was found: every position, and which of them shall be used."""

    chosen: (
        dict  # from operation to bool, as of `position_search.Search.chosen`
    )
    calls: list  # of the chosen operations, from the input on
    levels: list  # of ints, positions of each level
    location: str  # one of `locations.LOCATIONS`


def _find(model, positions):
    calls = list(graph_reading.calls(model))
    by_rule = isinstance(positions, str) and positions in _RULES
    if by_rule:
        found = position_search.search(model)
        found_positions.warn_of_the_rest(model, found)
        chosen = found.chosen()
    else:
        chosen = position_search.asked_for(model, calls, positions)
    calls = [call for call in calls if call.operation in chosen]
    if by_rule and positions != "auto":
        levels = position_search.levels(calls)
        return _Places(chosen, calls, levels, positions)
    return _Places(chosen, calls, [len(calls)], "all")


def _copy(model, places, place):
    # An activation is split off only where a layer comes before it.
    split = {places.calls[number].operation for number in place.kept}
    chosen = {
        operation: fused and operation in split
        for operation, fused in places.chosen.items()
    }
    return model_copy.ModelCopy(chosen, place).copy(model)


def _check_phi(phi):
    if not isinstance(phi, function.PerturbationFunction):
        raise ValueError(
            "Argument `phi` must be a PerturbationFunction, as "
            "`mp_keras.load_perturbation` returns it for a name or path. "
            f"Received: phi={phi!r}"
        )


def _check_model(model):
    if graph_reading.has_graph(model):
        model_class.check_kept(model)
    position_search.check_graph(model)
    first = layer_search.find_layers(model, _is_channels_first)
    if first:
        raise ValueError(
            "Argument `model` must have its channels last. Received: layer "
            f"{first[0].name} with data_format='channels_first'"
        )
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    if all(len(shape) != 4 for shape in shapes):
        raise ValueError(
            "Argument `model` must take images (batch, height, width, "
            f"channels). Received: model {model.name} with inputs {shapes}"
        )


def _is_channels_first(layer):
    return getattr(layer, "data_format", None) == "channels_first"
