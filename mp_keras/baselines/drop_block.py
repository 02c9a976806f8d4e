"""DropBlock (Ghiasi, Lin, Le, NeurIPS 2018): drops contiguous regions.

    gamma = rate / block^2 * height * width
            / ((height - block + 1) * (width - block + 1))
    seeds ~ Bernoulli(gamma) where a whole block fits
    mask  = 0 in the block x block square around every seed, else 1
    out   = h * mask * count(mask) / sum(mask)      # over the whole batch

Their section 3: every channel has a mask of its own, and the rate rises
linearly from 0 to its target over the training ("scheduled DropBlock"):
`NoiseAnnealing(ramp=1)` moves the layer's noise coefficient so.
"""

import typing

import keras
from keras import ops

from mp_keras import annotations
from mp_keras import seeds
from mp_keras.perturbation import insertion


@keras.saving.register_keras_serializable(package="mp_keras")
class DropBlock(keras.layers.Layer):
    """Sets contiguous regions of a feature map to zero in training.

    Args:
        rate: Float in [0, 1): the share of units to drop, 1 - keep_prob.
        block_size: Int >= 1, default 7: height and width of a region in
            pixels; on a smaller feature map its smaller side.
        seed: Int or None (default, drawn at random).
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(batch, height, width, channels)` of known
            height and width.
        training: Bool, default False: the inputs come back.

    Output shape: that of `inputs`.
    Weights, none trainable: `noise_coefficient`, a scalar in [0, 1], from 1:
        the part of `rate` that is in force.
    Raises: ValueError, if an argument is out of its range or the input is not
        a feature map of known size.

    >>> layer = DropBlock(0.1, block_size=3, seed=0)
    >>> layer(keras.ops.ones((2, 8, 8, 16)), training=True).shape
    TensorShape([2, 8, 8, 16])

    Reference: Ghiasi et al., NeurIPS 2018, section 3, eq. (1).
    """

    def __init__(
        self,
        rate: float,
        block_size: int = 7,
        seed: int | None = None,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(
                f"Argument `rate` must be in [0, 1). Received: rate={rate}"
            )
        if block_size != int(block_size) or block_size < 1:
            raise ValueError(
                "Argument `block_size` must be an integer of at least 1. "
                f"Received: block_size={block_size}"
            )
        self.rate = rate
        self.block_size = int(block_size)
        self.seed = seeds.given_or_drawn(seed)
        self.seed_generator = seeds.generator(self.seed)

    def build(self, input_shape):
        if len(input_shape) != 4 or None in input_shape[1:3]:
            raise ValueError(
                f"Input of layer `{self.name}` must be (batch, height, width, "
                "channels) of known height and width. "
                f"Received: shape {tuple(input_shape)}"
            )
        self.noise_coefficient = self.add_weight(
            name="noise_coefficient",
            shape=(),
            initializer="ones",
            trainable=False,
            dtype="float32",  # whatever the policy, as the draws
            autocast=False,
        )
        self.built = True

    def call(self, inputs, training=False):
        if not training or not self.rate:
            return inputs
        mask = ops.cast(self.draw_mask(inputs), inputs.dtype)
        # A batch without a single unit left stays zero instead of 0 / 0.
        kept = ops.maximum(ops.mean(mask), keras.config.epsilon())
        return inputs * mask / kept

    def draw_mask(self, inputs):
        """Returns zeros and ones shaped like `inputs`, float32."""
        height, width = inputs.shape[1:3]
        block = min(self.block_size, height, width)
        valid = (height - block + 1) * (width - block + 1)
        gamma = self.rate / block**2 * height * width / valid
        draws = keras.random.uniform(
            ops.shape(inputs), dtype="float32", seed=self.seed_generator
        )
        seeds = ops.cast(draws < gamma * self.noise_coefficient, "float32")
        before = (block - 1) // 2  # pixels of a block before its seed
        after = block - 1 - before
        window = ops.ones(
            (height - block + 1, width - block + 1, 1), dtype="float32"
        )
        sides = [[before, after], [before, after], [0, 0]]
        seeds = seeds * ops.pad(window, sides)  # where a whole block fits
        sides = [[0, 0], [after, before], [after, before], [0, 0]]
        dropped = ops.max_pool(ops.pad(seeds, sides), block, strides=1)
        return 1 - dropped

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "rate": self.rate,
            "block_size": self.block_size,
            "seed": self.seed,
        }


def drop_block_model(
    model: keras.Model,
    rate: float,
    block_size: int = 7,
    positions: annotations.Positions = "auto",
    seed: int | None = None,
) -> keras.Model:
    """Returns a copy of a network with `DropBlock` at every position.

    Train it with `NoiseAnnealing(ramp=1)` for the scheduled form.

    Args:
        model: Functional or built Sequential `keras.Model`.
        rate: Float in [0, 1), see `DropBlock`.
        block_size: Int, default 7, see `DropBlock`.
        positions: As in `perturb_model`.
        seed: Int or None (default). Position `i` gets `seed + i`.

    Raises: ValueError, as `DropBlock` and `perturb_model` do.
    """
    return insertion.insert_layers(
        model, layer_factory(rate, block_size, seed), positions
    )


def layer_factory(rate, block_size=7, seed=None):
    """Returns the function that makes the layer of position `index`."""
    first = seeds.given_or_drawn(seed)
    return lambda index: DropBlock(
        rate, block_size, seed=first + index, name=f"drop_block_{index}"
    )
