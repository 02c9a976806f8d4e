"""A network that is trained in another way and predicts as before."""

import keras
from keras import ops

from mp_keras import backends


class WrappedNetwork(keras.Model):
    """Base of the baselines that change the training, not the network.

    Train the wrapper; predict with it or with `network`, whose weights it
    trains, and save and export `network`.

    Args:
        network: Built `keras.Model` from images to logits.
        **kwargs: Passed to `keras.Model`.

    Raises: ValueError, if `network` is no built model.
    """

    def __init__(self, network, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(network, keras.Model) or not network.built:
            raise ValueError(
                "Argument `network` must be a built keras.Model. "
                f"Received: network={network!r}"
            )
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

    A subclass mixes in `call` and says in `mixture()` what it has mixed.

    Args: as `WrappedNetwork`.
    """

    def __init__(self, network, **kwargs):
        super().__init__(network, **kwargs)
        # TensorFlow draws from the Beta distribution by a kernel that XLA,
        # which Keras chooses by itself on a GPU, does not have.
        self.supports_jit = not backends.is_tensorflow()

    def mixture(self):
        """Returns partners and weights of the batch that was mixed last.

        Returns: integer tensor `(batch,)`, the example of the second target;
            float tensor `(batch,)` in [0, 1], the weight of the first.
        """
        raise NotImplementedError

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        if training:
            # Cross-entropy is linear in its target: two hard targets give the
            # loss of the soft one, whatever form `y` has.
            partners, weights = self.mixture()
            weights = ops.concatenate([weights, 1 - weights])
            if sample_weight is not None:
                given = ops.cast(sample_weight, weights.dtype)
                weights *= ops.concatenate([given, given])
            sample_weight = 2 * weights  # the mean is over two batches
            y = ops.concatenate([y, ops.take(y, partners, axis=0)])
            y_pred = ops.concatenate([y_pred, y_pred])
        return super().compute_loss(x, y, y_pred, sample_weight, training)
