"""Input mixup (Zhang et al., ICLR 2018), by `keras.layers.MixUp`.

weight ~ Beta(alpha, alpha), one per example
images = weight * images + (1 - weight) * images[partners]
loss   = weight * loss(labels) + (1 - weight) * loss(labels[partners])
"""

import typing

import keras

from mp_keras.baselines import wrapped_network
from mp_keras.graphs import graph_reading


@keras.saving.register_keras_serializable(package="mp_keras")
class Mixup(wrapped_network.MixedNetwork):
    """Trains a network on mixtures of two images and of their labels.

    Args:
        network: Built `keras.Model` from images to logits.
        alpha: Float in (0, 1]: both parameters of the Beta distribution.
        seed: Int or None (default).
        **kwargs: Passed to `keras.Model`.

    Raises: ValueError, if `alpha` is out of range or `network` no built model,
        or not one from images to logits `(batch, classes)`.

    Reference: Zhang et al., ICLR 2018, section 2.
    """

    def __init__(
        self,
        network: keras.Model,
        alpha: float = 0.2,
        seed: int | None = None,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(network, **kwargs)
        if not 0 < alpha <= 1:  # what keras.layers.MixUp is made for
            raise ValueError(
                f"Argument `alpha` must be in (0, 1]. Received: alpha={alpha}"
            )
        if graph_reading.is_graph(network):
            wrapped_network.check_images(network.inputs[0])
        self.alpha = alpha
        self.seed = seed
        # In half precision it would round its weights, and overflow where
        # pixels are large integers.
        dtype = keras.backend.result_type(self.compute_dtype, "float32")
        self.mix_up = keras.layers.MixUp(alpha, seed=seed, dtype=dtype)

    def call(self, inputs, training=False):
        if not training:
            return self.network(inputs, training=False)
        images = wrapped_network.single("input", inputs)
        wrapped_network.check_images(images)
        mixing = self.mix_up.get_random_transformation(images)
        self._mixing = mixing  # for the loss of the same step
        mixed = self.taken(self.mix_up.transform_images(images, mixing))
        return self.network(
            keras.tree.pack_sequence_as(inputs, [mixed]), training=True
        )

    def mixture(self):
        weights = keras.ops.reshape(self._mixing["mix_weight"], (-1,))
        return self._mixing["permutation_order"], weights

    def get_config(self):
        return {
            **super().get_config(),
            "alpha": self.alpha,
            "seed": self.seed,
        }


def mixup_model(
    model: keras.Model, alpha: float = 0.2, seed: int | None = None
) -> Mixup:
    """Returns a wrapper that trains `model` by `Mixup`.

    Args: as `Mixup`.
    """
    return Mixup(model, alpha, seed)
