"""Copies a Keras network and puts layers behind chosen ones of its layers.

for each call of a layer in the graph: a call of the layer's copy, then
    the new layer, if the original is chosen
weights = those of the network, layer by layer
"""

import keras
import numpy as np

from mp_keras.graphs import graph_reading
from mp_keras.graphs import layer_kinds
from mp_keras.graphs import model_class


class ModelCopy:
    """Copies a network layer by layer and places others behind chosen ones.

    Args:
        chosen: Dict from operation to bool: whether the new layer goes
            between it and the activation that is fused in it.
        place: `Placement`, called with the output of each chosen operation,
            from the input on, and its dtype policy.
    """

    def __init__(self, chosen, place):
        self.chosen = chosen
        self.place = place
        self.copies = {}  # from the network's operations to ours
        self.originals = {}  # and back
        self.activations = {}  # split off, by the original they come from
        self._last = set()  # operations whose names are those of outputs
        self._shared = {}  # from activations that are layers to our copies

    def copy(self, model):
        """Returns the copy, a functional model with the network's weights.

        It is of the network's class, where that is made of a graph
        (`model_class`), and has its flags `trainable`, at every level.
        """
        if len(model.outputs) > 1:  # losses are given by these names
            self._last = {
                tensor._keras_history.operation for tensor in model.outputs
            }
        copied = self._rebuild(model)
        self._carry_weights_over()
        self._carry_flags_over(model, copied)
        return copied

    def _rebuild(self, model):
        copy = keras.models.clone_model(
            graph_reading.view(model),
            clone_function=self._clone_once,
            call_function=self._call,
        )
        return model_class.like(model, copy)

    def _clone_once(self, operation):
        if operation not in self.copies:
            copy = self._clone(operation)
            self.copies[operation] = copy
            self.originals[copy] = operation
        return self.copies[operation]

    def _clone(self, operation):
        if graph_reading.is_graph(operation):
            return self._rebuild(operation)
        config = operation.get_config()
        if self.chosen.get(operation):
            self.activations[operation] = self._activation(operation)
            _without_activation(operation, config)
            if operation in self._last:
                config["name"] = f"{operation.name}_before_activation"
        if type(operation) is keras.layers.Lambda:
            # The function itself: its code alone lacks what it refers to.
            return keras.layers.Lambda(
                operation.function,
                operation._output_shape,
                operation.mask,
                operation.arguments,
                name=operation.name,
                dtype=operation.dtype_policy,
            )
        if isinstance(operation, keras.layers.Lambda):  # the caller's own code
            return type(operation).from_config(config, safe_mode=False)
        return type(operation).from_config(config)

    def _activation(self, convolution):
        """Returns a convolution's fused activation as a layer of its own."""
        inner = layer_kinds.core(convolution)
        activation = inner.activation
        if activation in self._shared:
            return self._shared[activation]
        is_last = convolution in self._last
        if isinstance(activation, keras.Layer):
            config = activation.get_config()
            if is_last:
                config["name"] = convolution.name
            layer = type(activation).from_config(config)
            self._shared[activation] = layer
        else:
            layer = keras.layers.Activation(
                activation,
                dtype=convolution.dtype_policy,
                name=convolution.name + "_activation" * (not is_last),
            )
        if inner.activity_regularizer is not None:
            layer.activity_regularizer = inner.activity_regularizer
        return layer

    def _call(self, copy, *args, **kwargs):
        outputs = copy(*args, **kwargs)
        original = self.originals[copy]
        if original not in self.chosen:
            return outputs
        policy = getattr(original, "dtype_policy", None)
        outputs = self.place(outputs, policy)
        activation = self.activations.get(original)
        return outputs if activation is None else activation(outputs)

    def _carry_weights_over(self):
        for original, copy in self.copies.items():
            nested = graph_reading.is_graph(original)  # its layers follow
            if isinstance(original, keras.Layer) and not nested:
                copy_weights(original, copy)
        for original, activation in self.activations.items():
            source = layer_kinds.core(original).activation
            if isinstance(source, keras.Layer):
                copy_weights(source, activation)

    def _carry_flags_over(self, model, copy):
        _set_flag(copy, model)  # reaches all layers inside
        for layer in model.layers:
            if layer not in self.copies:
                continue  # an input
            copied = self.copies[layer]
            if graph_reading.is_graph(layer):
                self._carry_flags_over(layer, copied)
                continue
            for source, target in zip(
                layer._flatten_layers(), copied._flatten_layers()
            ):
                _set_flag(target, source)
            if layer in self.activations:
                source = layer_kinds.core(layer).activation
                if not isinstance(source, keras.Layer):
                    source = layer
                _set_flag(self.activations[layer], source)


def _set_flag(target, source):
    if target.trainable != source.trainable:
        target.trainable = source.trainable
    for ours, theirs in zip(
        target._trainable_variables, source._trainable_variables
    ):
        ours.trainable = theirs.trainable


def copy_weights(original, copy):
    """Copies as saving and loading would: some layers have state besides."""
    # Not strict: a split convolution has lost the activation's layer, its last.
    for source, target in zip(
        original._flatten_layers(), copy._flatten_layers()
    ):
        store = {}
        source.save_own_variables(store)
        # JAX frees what the one network held when the other trains, so no
        # array may be in both.
        store = {
            key: np.array(value) if isinstance(value, keras.Variable) else value
            for key, value in store.items()
        }
        if store:
            target.load_own_variables(store)


def _without_activation(operation, config):
    """Makes the activation of a config linear, inside wrappers too."""
    while isinstance(operation, keras.layers.Wrapper):
        operation, config = operation.layer, config["layer"]["config"]
    config["activation"] = "linear"
    config.pop("activity_regularizer", None)  # sees the activation's outputs
