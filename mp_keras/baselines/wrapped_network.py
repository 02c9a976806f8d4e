"""A network that is trained in another way and predicts as before."""

import keras
from keras import ops

from mp_keras import backends
from mp_keras.graphs import graph_reading

_UNREDUCED = ("none", None)  # a loss for each example
_SUMS = ("sum", *_UNREDUCED)  # are not divided by a number of examples


class WrappedNetwork(keras.Model):
    """Base of the baselines that change the training, not the network.

    Train the wrapper; predict with it or with `network`, whose weights it
    trains, and save and export `network`.

    Args:
        network: Built `keras.Model` from images to logits.
        **kwargs: Passed to `keras.Model`.

    Raises: ValueError, if `network` is no built model, or a functional or
        Sequential one of several inputs or outputs.
    """

    def __init__(self, network, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(network, keras.Model) or not network.built:
            raise ValueError(
                "Argument `network` must be a built keras.Model. "
                f"Received: network={network!r}"
            )
        if graph_reading.is_graph(network):
            single("input", network.inputs)
            single("output", network.outputs)
        self.autocast = False  # the network casts what it takes
        self.network = network
        self.built = True

    def call(self, inputs, training=False):
        return self.network(inputs, training=training)

    def get_config(self):
        network = keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "network": network}

    @classmethod
    def from_config(cls, config):
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**{**config, "network": network})


class MixedNetwork(WrappedNetwork):
    """Base of the mixups: a loss against two targets per example.

    A subclass mixes in `call` and says in `mixture()` what it has mixed. The
    loss of example i, mixed with its partner j, is

        part * w[i] * loss(y[i]) + (1 - part) * w[j] * loss(y[j])

    with the examples' own weights w (`sample_weight`, `class_weight`); over
    examples it is reduced as the compiled loss says.

    Args: as `WrappedNetwork`.

    Raises: as `WrappedNetwork`; ValueError, if the output of `network` is not
        `(batch, classes)`; in training, if the data have several inputs.
    """

    def __init__(self, network, **kwargs):
        super().__init__(network, **kwargs)
        if graph_reading.is_graph(network):
            _check_logits(network.outputs[0])
        # TensorFlow draws from the Beta distribution by a kernel that XLA,
        # which Keras chooses by itself on a GPU, does not have.
        self.supports_jit = not backends.is_tensorflow()

    def mixture(self):
        """Returns partners and weights of the batch that was mixed last.

        Returns: integer tensor `(batch,)`, the example of the second target;
            float tensor `(batch,)` in [0, 1], the weight of the first.
        """
        raise NotImplementedError

    def taken(self, mixed):
        """Returns mixed images in the type that the network takes.

        Whole numbers are rounded: Keras would cut their fractions off.

        Args:
            mixed: Float tensor `(batch, ...)`.
        """
        if not graph_reading.is_graph(self.network):
            return mixed
        dtype = self.network.inputs[0].dtype
        if keras.backend.is_float_dtype(dtype):
            return mixed
        return ops.cast(ops.round(mixed), dtype)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        if not training:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        _check_logits(single("output", y_pred))
        # Cross-entropy is linear in its target: two hard targets give the
        # loss of the soft one, whatever form `y` has.
        partners, weights = self.mixture()

        def with_partners(values):
            return ops.concatenate([values, ops.take(values, partners, axis=0)])

        y = keras.tree.map_structure(with_partners, y)
        y_pred = keras.tree.map_structure(
            lambda logits: ops.concatenate([logits, logits]), y_pred
        )
        weights = ops.concatenate([weights, 1 - weights])
        if sample_weight is not None:
            given = single("sample weight", sample_weight)
            given = with_partners(ops.cast(given, weights.dtype))
            sides = [1] * (len(given.shape) - 1)
            weights = ops.reshape(weights, (-1, *sides)) * given
        reduction = _reduction(self.loss)
        if reduction not in _SUMS:
            weights = 2 * weights  # the mean is over two batches
        loss = super().compute_loss(x, y, y_pred, weights, training)
        return sum(ops.split(loss, 2)) if reduction in _UNREDUCED else loss


def single(kind, structure):
    """Returns the one tensor of a structure.

    Args:
        kind: Str, what the structure holds, for the message.
        structure: Tensor, or list or dict of tensors.

    Raises: ValueError, if there is not one.
    """
    tensors = keras.tree.flatten(structure)
    if len(tensors) != 1:
        shapes = [tuple(each.shape) for each in tensors]
        raise ValueError(
            "Argument `network` must be a model of one input and one output; "
            f"mixups and attacks know no other. Received: {len(tensors)} "
            f"{kind}s, of shapes {shapes}"
        )
    return tensors[0]


def check_images(images):
    """Raises ValueError, if a tensor is no `(batch, height, width, channels)`.

    Args:
        images: Tensor, the network's input.
    """
    if len(images.shape) != 4:
        raise ValueError(
            "Argument `network` must take images (batch, height, width, "
            f"channels). Received: images of shape {tuple(images.shape)}"
        )


def _check_logits(logits):
    if len(logits.shape) != 2:
        raise ValueError(
            "Argument `network` must put out logits (batch, classes). "
            f"Received: an output of shape {tuple(logits.shape)}"
        )


def _reduction(loss):
    """Returns the reduction of the loss that `compile` was given."""
    loss = keras.tree.flatten(loss)[0]
    return getattr(loss, "reduction", "sum_over_batch_size")
