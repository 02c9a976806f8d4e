"""Information Dropout (Achille and Soatto, TPAMI 2018).

    alpha = max_alpha * sigmoid(3x3 convolution of h)       # per element
    out   = h * exp(alpha * normal noise)                   # training
    loss += beta * KL,   KL = sum of -log(alpha / max_alpha)

A multiplicative log-normal noise whose strength the network learns; the
penalty is the Kullback-Leibler divergence to the log-uniform prior up to a
constant, for units that a ReLU lets pass. A positive factor commutes with the
ReLU, so the layer stands before it, where φ does.
"""

import typing

import keras
from keras import ops

from mp_keras import annotations
from mp_keras import argument_checks
from mp_keras import seeds
from mp_keras.perturbation import insertion

MAX_ALPHA = 0.7
_LEAST = 1e-3  # part of `max_alpha` below which alpha does not fall


@keras.saving.register_keras_serializable(package="mp_keras")
class InformationDropout(keras.layers.Layer):
    """Multiplies a feature map by noise whose strength is learned from it.

    Args:
        beta: Float >= 0: weight of the penalty, in nats per nat of the loss.
        max_alpha: Float > 0, default 0.7: the largest standard deviation of
            the logarithm of the noise.
        seed: Int or None (default, drawn at random).
        noisy_in_test: Bool, default False. True draws the noise in test as
            well, for `monte_carlo_predict`: MetaPerturb, section 2, says that
            these methods perturb test examples too, not how it tested them.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(batch, height, width, channels)`.
        training: Bool, default False: the inputs come back, unless the layer
            is noisy in test.

    Output shape: that of `inputs`.
    Weights, trainable: `kernel` `(3, 3, channels, channels)` and `bias`
        `(channels,)` of the convolution.
    Losses: in training `beta` times the mean over the examples of the sum of
        `-log(alpha / max_alpha)` over units whose input is positive.
    Raises: ValueError, if an argument is out of its range or `channels` is
        unknown.

    Reference: Achille and Soatto, TPAMI 2018, section 5, eq. (5),
        proposition 3.
    """

    def __init__(
        self,
        beta: float,
        max_alpha: float = MAX_ALPHA,
        seed: int | None = None,
        noisy_in_test: bool = False,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        argument_checks.check_at_least("beta", beta, 0)
        argument_checks.check_positive("max_alpha", max_alpha)
        self.beta = beta
        self.max_alpha = max_alpha
        self.noisy_in_test = noisy_in_test
        self.seed = seeds.given_or_drawn(seed)
        self.seed_generator = seeds.generator(self.seed)

    def build(self, input_shape):
        if len(input_shape) != 4 or input_shape[-1] is None:
            raise ValueError(
                f"Input of layer `{self.name}` must be (batch, height, width, "
                "channels) with known channels. "
                f"Received: shape {tuple(input_shape)}"
            )
        channels = input_shape[-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(3, 3, channels, channels),
            initializer=keras.initializers.GlorotUniform(self.seed),
        )
        self.bias = self.add_weight(
            name="bias", shape=(channels,), initializer="zeros"
        )
        self.built = True

    def call(self, inputs, training=False):
        if not (training or self.noisy_in_test):
            return inputs
        part = self.noise_part(inputs)
        if training:
            cost = self.beta * penalty(inputs, part)
            # Keras adds it to the compiled loss, which is of this type.
            self.add_loss(ops.cast(cost, keras.config.floatx()))
        draws = keras.random.normal(
            ops.shape(inputs), dtype=inputs.dtype, seed=self.seed_generator
        )
        return inputs * ops.exp(self.max_alpha * part * draws)

    def noise_part(self, inputs):
        """Returns `alpha / max_alpha`, in (0, 1), shaped like `inputs`."""
        response = ops.conv(inputs, self.kernel, padding="same") + self.bias
        return noise_part(response)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "beta": self.beta,
            "max_alpha": self.max_alpha,
            "seed": self.seed,
            "noisy_in_test": self.noisy_in_test,
        }


def noise_part(response):
    """Returns `alpha / max_alpha`, in (0, 1), for the convolution's output."""
    return _LEAST + (1 - _LEAST) * ops.sigmoid(response)


def penalty(features, part):
    """Returns the KL divergence to the prior in nats, mean over the examples.

    Args:
        features: Float tensor `(batch, height, width, channels)`; only
            positive ones count, which a ReLU lets pass.
        part: `alpha / max_alpha`, shaped like it.
    """
    passing = ops.cast(features > 0, "float32")
    penalties = -ops.log(ops.cast(part, "float32")) * passing
    return ops.mean(ops.sum(penalties, axis=(1, 2, 3)))


def information_dropout_model(
    model: keras.Model,
    beta: float,
    max_alpha: float = MAX_ALPHA,
    positions: annotations.Positions = "auto",
    seed: int | None = None,
    noisy_in_test: bool = False,
) -> keras.Model:
    """Returns a copy of a network with `InformationDropout` at every position.

    Args:
        model: Functional or built Sequential `keras.Model`.
        beta: Float >= 0, see `InformationDropout`.
        max_alpha: Float > 0, default 0.7, see `InformationDropout`.
        positions: As in `perturb_model`.
        seed: Int or None (default). Position `i` gets `seed + i`.
        noisy_in_test: Bool, default False, see `InformationDropout`.

    Raises: ValueError, as `InformationDropout` and `perturb_model` do.
    """
    return insertion.insert_layers(
        model, layer_factory(beta, max_alpha, seed, noisy_in_test), positions
    )


def layer_factory(beta, max_alpha=MAX_ALPHA, seed=None, noisy_in_test=False):
    """Returns the function that makes the layer of position `index`."""
    first = seeds.given_or_drawn(seed)
    return lambda index: InformationDropout(
        beta,
        max_alpha,
        seed=first + index,
        noisy_in_test=noisy_in_test,
        name=f"information_dropout_{index}",
    )
