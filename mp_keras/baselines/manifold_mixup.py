"""Manifold Mixup (Verma et al., ICML 2019).

    every step: layer  = one of {input, positions}, at random
                weight ~ Beta(alpha, alpha)              # one per batch
    at that layer h = weight * h + (1 - weight) * h[partners]
    loss = weight * loss(labels) + (1 - weight) * loss(labels[partners])

Where φ or a rival is at the positions, features are mixed behind it. The
network is not changed: a second view over the same layers mixes behind
each of them, and all but one of the mixtures have weight 1.
"""

import typing

import keras
from keras import ops

from mp_keras import annotations
from mp_keras import argument_checks
from mp_keras import seeds
from mp_keras.baselines import placed_layers
from mp_keras.baselines import wrapped_network
from mp_keras.graphs import graph_reading
from mp_keras.perturbation import position_search


@keras.saving.register_keras_serializable(package="mp_keras")
class ManifoldMixup(wrapped_network.MixedNetwork):
    """Trains a network on mixtures of two examples' features and labels.

    Args:
        network: Functional `keras.Model` from images to logits.
        alpha: Float > 0, default 2 (Verma et al.): both parameters of the
            Beta distribution.
        positions: "auto" (default), or names of layers: those whose outputs
            may be mixed, besides the input. "auto" means φ's positions: the
            layers of φ, or of another regularizer of ours, where the network
            has them; else where `perturb_model` would put φ.
        seed: Int or None (default, drawn at random).
        **kwargs: Passed to `keras.Model`.

    Raises: ValueError, if `alpha` is not positive, `network` is not
        functional, has several inputs or outputs or no output `(batch,
        classes)`, or a layer does not exist or is in a nested model.

    Reference: Verma et al., ICML 2019, section 2.
    """

    def __init__(
        self,
        network: keras.Model,
        alpha: float = 2.0,
        positions: annotations.Positions = "auto",
        seed: int | None = None,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(network, **kwargs)
        argument_checks.check_positive("alpha", alpha)
        self.alpha = alpha
        self.positions = positions
        self.seed = seeds.given_or_drawn(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        # In the dictionary itself: Keras would track the view, whose layers
        # are those of the network, as a part of this model.
        mixtures = {
            layer: _Mixture(index + 1)  # 0 is the input
            for index, layer in enumerate(_mixing_layers(network, positions))
        }
        self.__dict__["_mixtures"] = list(mixtures.values())
        self.__dict__["_mixing_view"] = _view(network, mixtures)

    def call(self, inputs, training=False):
        if not training:
            return self.network(inputs, training=False)
        images = wrapped_network.single("input", inputs)
        self._mixing = self._draw(ops.shape(images)[0])
        for mixture in self._mixtures:
            mixture.mixing = self._mixing
        mixed = self.taken(_mix(images, 0, self._mixing))
        return self._mixing_view(
            keras.tree.pack_sequence_as(inputs, [mixed]), training=True
        )

    def _draw(self, batch):
        """Returns the layer's index, the partners `(batch,)`, the weight."""
        seed = self.seed_generator
        layers = len(self._mixtures) + 1
        layer = keras.random.randint((), 0, layers, seed=seed)
        partners = keras.random.shuffle(ops.arange(batch), seed=seed)
        weight = keras.random.beta((), self.alpha, self.alpha, seed=seed)
        return layer, partners, weight

    def mixture(self):
        _, partners, weight = self._mixing
        return partners, ops.full(ops.shape(partners), weight)

    def get_config(self):
        return {
            **super().get_config(),
            "alpha": self.alpha,
            "positions": self.positions,
            "seed": self.seed,
        }


def _mixing_layers(network, positions):
    """Returns the layers of the network's own graph that are mixed behind."""
    if not graph_reading.is_graph(network):
        raise ValueError(
            "Argument `network` must be a functional or Sequential model. "
            f"Received: network of type {type(network).__name__}"
        )
    calls = list(graph_reading.calls(network))
    placed = _placed_layers(calls)
    if positions == "auto" and placed:
        chosen = placed
    elif positions == "auto":
        chosen = position_search.search(network).chosen()
    else:
        chosen = position_search.asked_for(network, calls, positions)
    layers = [call.operation for call in calls if call.operation in chosen]
    own = {
        node.operation
        for node in graph_reading.own_nodes(graph_reading.view(network))
    }
    nested = [each.name for each in layers if each not in own]
    if nested:
        raise ValueError(
            "Features are mixed behind layers of the network itself, not "
            f"inside a nested model. Received: {nested} in another model"
        )
    return list(dict.fromkeys(layers))


def _placed_layers(calls):
    """Returns the operations that regularize feature maps of the network."""
    return {
        call.operation
        for call in calls
        if isinstance(call.operation, placed_layers.KINDS)
        and len(call.outputs[0].shape) == 4
    }


def _view(network, mixtures):
    """Returns a model over the same layers that mixes behind some of them."""

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        return mixtures[layer](outputs) if layer in mixtures else outputs

    return keras.models.clone_model(
        graph_reading.view(network),
        clone_function=lambda layer: layer,
        call_function=call,
    )


class _Mixture(keras.layers.Layer):
    """Mixes the features of one layer when it is this layer's turn."""

    def __init__(self, index):
        super().__init__(name=f"mixture_{index}")
        self.autocast = False  # the features stay of the type they are
        self.index = index
        self.mixing = None  # what `ManifoldMixup.call` drew for this batch

    def call(self, inputs):
        if self.mixing is None:  # while the view is made
            return inputs
        return _mix(inputs, self.index, self.mixing)


def _mix(features, index, mixing):
    """Returns the features, mixed if it is the turn of layer `index`.

    Integers come back as floats.
    """
    layer, partners, weight = mixing
    if not keras.backend.is_float_dtype(features.dtype):
        features = ops.cast(features, keras.config.floatx())

    def mixed():
        part = ops.cast(weight, features.dtype)
        return part * features + (1 - part) * ops.take(
            features, partners, axis=0
        )

    return ops.cond(ops.equal(layer, index), mixed, lambda: features)


def manifold_mixup_model(
    model: keras.Model,
    alpha: float = 2.0,
    positions: annotations.Positions = "auto",
    seed: int | None = None,
) -> ManifoldMixup:
    """Returns a wrapper that trains `model` by `ManifoldMixup`.

    Args: as `ManifoldMixup`.
    """
    return ManifoldMixup(model, alpha, positions, seed)
