"""Puts φ into a network that is not ours, `keras.applications` included.

MetaPerturb, figure 3: φ sits in every block, before its last activation. In an
unknown network `position_search` finds these places:

    calls   = every call of a layer in the graph, first calls first
    chosen  = the layers that φ shall follow
    place   = φ with the norms of this network
    rebuild = for each call: a copy of its layer, then `place` if chosen
    weights = those of the network, layer by layer

The trap: the norms are known only once all positions are, so the graph is read
first and rebuilt after.
"""

import keras

from mp_keras.networks import placement
from mp_keras.perturbation import function
from mp_keras.perturbation import layer as position_layer
from mp_keras.perturbation import position_search


def perturb_model(
    model,
    phi,
    positions="auto",
    *,
    seed=None,
    spatial_norm=None,
    stochastic=True,
):
    """Returns a copy of a network with φ at every position.

    The copy is a functional model, not compiled, with the layer names and
    weights of `model`, which stays as it is. Nested models get φ inside; one
    that is called with `training=False` keeps its φ in test mode as well.

    Args:
        model: Functional or built Sequential `keras.Model`, channels last.
        phi: `PerturbationFunction`.
        positions: "auto" (default) for the rules of `position_search`; or
            layer names and indices into `model.layers` after which φ goes; or
            a predicate `layer -> bool`. All but indices see nested models.
        seed: Int or None (default). Seed of the noise; position `i`, counted
            from the input, gets `seed + i`.
        spatial_norm: Positive number or None (default): the height of the
            network's input in pixels.
        stochastic: Bool, default True, see `MetaPerturbLayer`.

    Raises: ValueError, if `model` is subclassed, unbuilt or holds φ already;
        `phi` is no `PerturbationFunction`; no position is found, or one that
        was asked for does not exist or is no feature map; or the input's
        height is unknown and `spatial_norm` not given.

    >>> inputs = keras.Input((8, 8, 3), name="images")
    >>> outputs = keras.layers.Conv2D(4, 3, name="first")(inputs)
    >>> phi = function.PerturbationFunction(seed=0)
    >>> model = perturb_model(keras.Model(inputs, outputs), phi, ["first"])
    >>> [layer.name for layer in model.layers]
    ['images', 'first', 'meta_perturb_0']
    """
    _check_phi(phi)
    _check_model(model)
    if spatial_norm is None:
        spatial_norm = _input_height(model)
    calls = list(position_search.calls(model))
    if isinstance(positions, str) and positions == "auto":
        chosen = position_search.automatic(calls)
    else:
        chosen = position_search.asked_for(model, calls, positions)
    channels = position_search.largest_channels(calls, chosen)
    place = placement.Placement(phi, channels, spatial_norm, seed, stochastic)
    copy = _Copy(chosen, place)
    perturbed = copy.rebuild(model)
    copy.carry_weights_over()
    return perturbed


class _Copy:
    """Copies a network layer by layer and places φ behind the chosen ones.

    Args:
        chosen: Dict from operation to bool: whether φ goes between it and
            the activation that is fused in it.
        place: `Placement`.
    """

    def __init__(self, chosen, place):
        self.chosen = chosen
        self.place = place
        self.copies = {}  # from the network's operations to ours
        self.originals = {}  # and back
        self.activations = {}  # split off, by the original they come from

    def rebuild(self, model):
        return keras.models.clone_model(
            position_search.view(model),
            clone_function=self.clone,
            call_function=self.call,
        )

    def clone(self, operation):
        if operation not in self.copies:
            copy = self._clone(operation)
            self.copies[operation] = copy
            self.originals[copy] = operation
        return self.copies[operation]

    def _clone(self, operation):
        if position_search.is_graph(operation):
            return self.rebuild(operation)
        config = operation.get_config()
        if self.chosen.get(operation):
            self.activations[operation] = _activation_layer(operation)
            config["activation"] = "linear"
        if isinstance(operation, keras.layers.Lambda):  # the caller's own code
            return type(operation).from_config(config, safe_mode=False)
        return type(operation).from_config(config)

    def call(self, copy, *args, **kwargs):
        outputs = copy(*args, **kwargs)
        original = self.originals[copy]
        if original not in self.chosen:
            return outputs
        outputs = self.place(outputs)
        activation = self.activations.get(original)
        return outputs if activation is None else activation(outputs)

    def carry_weights_over(self):
        for original, copy in self.copies.items():
            nested = position_search.is_graph(original)  # its layers follow
            if isinstance(original, keras.Layer) and not nested:
                _copy_weights(original, copy)
        for original, activation in self.activations.items():
            if isinstance(original.activation, keras.Layer):
                _copy_weights(original.activation, activation)


def _copy_weights(original, copy):
    """Copies as saving and loading would: some layers have state besides."""
    # Not strict: a split convolution has lost the activation's layer, its last.
    for source, target in zip(
        original._flatten_layers(), copy._flatten_layers()
    ):
        store = {}
        source.save_own_variables(store)
        if store:
            target.load_own_variables(store)


def _activation_layer(convolution):
    """Returns a convolution's fused activation as a layer of its own."""
    activation = convolution.activation
    if isinstance(activation, keras.Layer):
        return type(activation).from_config(activation.get_config())
    return keras.layers.Activation(
        activation,
        dtype=convolution.dtype_policy,
        name=f"{convolution.name}_activation",
    )


def _input_height(model):
    heights = {x.shape[1] for x in model.inputs if len(x.shape) == 4}
    if len(heights) != 1 or None in heights:
        raise ValueError(
            "Argument `spatial_norm` must be given when the height of the "
            f"network's input is unknown. Received: model {model.name} with "
            f"inputs {[tuple(x.shape) for x in model.inputs]}"
        )
    return heights.pop()


def _check_phi(phi):
    if not isinstance(phi, function.PerturbationFunction):
        raise ValueError(
            "Argument `phi` must be a PerturbationFunction, as "
            "`mp_keras.load_perturbation` returns it for a name or path. "
            f"Received: phi={phi!r}"
        )


def _check_model(model):
    if not position_search.is_graph(model):
        raise ValueError(
            "Argument `model` must be a functional or Sequential keras.Model; "
            "the graph of another cannot be read. "
            f"Received: model of type {type(model).__name__}"
        )
    if not hasattr(model, "inputs"):
        raise ValueError(
            "Argument `model` must be built: begin it with keras.Input(shape). "
            f"Received: unbuilt model {model.name}"
        )
    if position_layer.positions(model):
        raise ValueError(
            "Argument `model` must be without φ. Received: model "
            f"{model.name} with a MetaPerturbLayer"
        )
