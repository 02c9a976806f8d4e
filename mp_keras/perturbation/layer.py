"""φ at one position of a network (MetaPerturb, section 3.2 and figure 3).

Training uses the batch's own scale and lets gradients flow through it; test
uses the scale of the moving statistics and still samples noise. The trap:
every position owns a frozen copy of φ (one shared sub-layer survives neither
saving nor cloning), and owns its moving statistics and its noise stream.
"""

import typing

import keras
import numpy as np
from keras import ops

from mp_keras import normal_draws
from mp_keras import seeds
from mp_keras.graphs import layer_search
from mp_keras.perturbation import function

MOMENTUM = 0.1  # weight of the newest batch in the moving statistics


@keras.saving.register_keras_serializable(package="mp_keras")
class MetaPerturbLayer(keras.layers.Layer):
    """Multiplies a feature map by φ's scale and input-dependent noise.

    Returns `inputs * (1 + noise_coefficient * (s * z - 1))`: `z > 0` is noise
    shaped like `inputs`, `s` in (0, 1) is one scale per channel, taken from
    this batch in training (outputs are then clipped from above at 100) and
    from the moving statistics otherwise. Noise is drawn in both.

    Args:
        perturbation: `PerturbationFunction` whose 82 numbers are copied and
            frozen here; a dict of them; or None for fresh ones.
        channel_norm: Positive number, the largest channel count among the
            network's positions.
        spatial_norm: Positive number, the height of the network's input in
            pixels.
        stochastic: Bool, default True. False replaces the noise `z` by its
            expectation: a deterministic layer.
        seed: Int or None (default, drawn at random). Seed of the noise; give
            every position its own.
        variant: Dict of φ's options as `PerturbationFunction.variant` returns
            it, or None (default): those of `perturbation`.
        shared_draws: Bool, default True: whether noise in training comes, on a
            CPU, from one table of draws (`normal_draws.py`), which is quicker
            than draws of its own for each element.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(batch, height, width, channels)`; all but
            `channels` may be unknown while tracing.
        training: Bool, default False.

    Output shape: that of `inputs`.
    Weights, none trainable: the 82 numbers; `moving_mean` (from 0) and
        `moving_variance` (from 1), `(channels, 4)` each, momentum 0.1 for the
        new value; `noise_coefficient`, a scalar in [0, 1], from 1.
    Raises: ValueError, if `inputs` is not 4-D, `channels` is unknown or a norm
        is not positive.

    >>> layer = MetaPerturbLayer(None, channel_norm=16, spatial_norm=8, seed=0)
    >>> layer(keras.ops.ones((2, 8, 8, 16)), training=True).shape
    TensorShape([2, 8, 8, 16])

    Reference: Ryu et al., NeurIPS 2020, section 3.2, eq. (1) and (2).
    """

    def __init__(
        self,
        perturbation: function.PerturbationFunction
        | dict[str, np.ndarray]
        | None = None,
        channel_norm: float = 64,
        spatial_norm: float = 32,
        stochastic: bool = True,
        seed: int | None = None,
        variant: dict[str, typing.Any] | None = None,
        shared_draws: bool = True,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, norm in (
            ("channel_norm", channel_norm),
            ("spatial_norm", spatial_norm),
        ):
            if not norm or norm <= 0:
                raise ValueError(
                    f"Argument `{name}` must be a positive number. "
                    f"Received: {name}={norm}"
                )
        if isinstance(perturbation, str):
            raise ValueError(
                "Argument `perturbation` must be a PerturbationFunction, as "
                "`mp_keras.load_perturbation` returns it for a name or path. "
                f"Received: perturbation={perturbation!r}"
            )
        if isinstance(perturbation, function.PerturbationFunction):
            variant = variant or perturbation.variant()
            perturbation = perturbation.values()
        self.channel_norm = channel_norm
        self.spatial_norm = spatial_norm
        self.stochastic = stochastic
        self.shared_draws = shared_draws
        self.seed = seeds.given_or_drawn(seed)
        self.perturbation = function.PerturbationFunction(
            perturbation,
            trainable=False,
            name="perturbation",
            **(variant or {}),
        )
        self.seed_generator = seeds.generator(self.seed)
        self.supports_masking = True

    def build(self, input_shape):
        if len(input_shape) != 4 or input_shape[-1] is None:
            raise ValueError(
                f"Input of layer `{self.name}` must be "
                "(batch, height, width, channels) with known channels. "
                f"Received: shape {tuple(input_shape)}"
            )
        shape = (input_shape[-1], function.STATISTICS)
        self.moving_mean = self._add_state("moving_mean", shape, "zeros")
        self.moving_variance = self._add_state("moving_variance", shape, "ones")
        self.noise_coefficient = self._add_state(
            "noise_coefficient", (), "ones"
        )
        self.built = True

    def _add_state(self, name, shape, initializer):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            trainable=False,
            dtype="float32",  # whatever the policy: they are averages
            autocast=False,
        )

    def call(self, inputs, training=False):
        if training and self.perturbation.input_dependent:
            features = self.perturbation.channel_features(inputs)
            mean, variance = function.batch_statistics(features)
            self._update_moving_statistics(features, mean, variance)
        else:
            mean, variance = self.moving_mean, self.moving_variance
        scale = self.scale(ops.shape(inputs)[1], mean, variance)
        noise_mean = self.perturbation.noise_mean(inputs, training)
        draws = None
        if self.noisy_in_test:
            draws = self.sample_noise(inputs, training)
        noise = self.perturbation.noise_factor(noise_mean, draws)
        return function.perturb(
            inputs, noise, scale, self.noise_coefficient, training
        )

    @property
    def noisy_in_test(self):
        """Bool: whether Monte Carlo samples of this layer differ."""
        return self.stochastic and self.perturbation.use_noise

    def scale(self, height, mean, variance):
        """Returns `s` here, `(channels,)`, with the norms of this network.

        Args:
            height: Int or integer scalar tensor, height of the feature map.
            mean: Tensor `(channels, 4)`, of the batch or moving.
            variance: Tensor `(channels, 4)`, likewise.
        """
        return self.perturbation.scale(
            mean,
            variance,
            mean.shape[0] / self.channel_norm,
            ops.cast(height, "float32") / self.spatial_norm,
        )

    def sample_noise(self, inputs, training=False):
        """Returns standard normal draws for `inputs`, as φ's `draws_shape`.

        Independent ones in test and without `shared_draws`, but for Monte
        Carlo prediction (`normal_draws.grouped`).
        """
        if not training:
            draw = normal_draws.in_test
        elif self.shared_draws:
            draw = normal_draws.shared
        else:
            draw = normal_draws.exact
        shape = self.perturbation.draws_shape(ops.shape(inputs))
        return draw(shape, inputs.dtype, self.seed_generator)

    def _update_moving_statistics(self, features, mean, variance):
        count = ops.cast(ops.shape(features)[0], "float32")
        # Differs from the paper: it averages the scales; the authors' code
        # averages the statistics and multiplies their variance, unbiased
        # already, by n / (n - 1) once more.
        variance = variance * count / ops.maximum(count - 1, 1)
        for moving, new in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            new = ops.stop_gradient(ops.cast(new, moving.dtype))
            moving.assign((1 - MOMENTUM) * moving + MOMENTUM * new)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            # In the config, not only in the weights: a clone keeps φ.
            "perturbation": {
                name: array.tolist()
                for name, array in self.perturbation.values().items()
            },
            "channel_norm": self.channel_norm,
            "spatial_norm": self.spatial_norm,
            "stochastic": self.stochastic,
            "seed": self.seed,
            "variant": self.perturbation.variant(),
            "shared_draws": self.shared_draws,
        }


def positions_of(model):
    """Returns the `MetaPerturbLayer`s of a model, in the order of its layers.

    Args:
        model: `keras.Model`; layers of nested models are found as well.
    """
    return layer_search.find_layers(
        model, lambda layer: isinstance(layer, MetaPerturbLayer)
    )
