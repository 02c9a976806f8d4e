"""Monte Carlo dropout (Gal and Ghahramani, ICML 2016).

Dropout that stays on in test: predictions are averaged over samples, which
calibrates them. A reference of today for calibration, not in MetaPerturb.
"""

import keras

from mp_keras import annotations
from mp_keras import seeds
from mp_keras.perturbation import insertion


@keras.saving.register_keras_serializable(package="mp_keras")
class MonteCarloDropout(keras.layers.Dropout):
    """`keras.layers.Dropout` that drops in test as well.

    Args: as `keras.layers.Dropout`.

    Reference: Gal and Ghahramani, ICML 2016, section 4, eq. (6).
    """

    def call(self, inputs, training=False):
        return super().call(inputs, training=True)

    @property
    def noisy_in_test(self):
        """Bool: whether Monte Carlo samples of this layer differ."""
        return self.rate > 0


def monte_carlo_dropout_model(
    model: keras.Model,
    rate: float,
    positions: annotations.Positions = "auto",
    seed: int | None = None,
) -> keras.Model:
    """Returns a copy of a network with dropout at every position.

    Predict with `monte_carlo_predict`.

    Args:
        model: Functional or built Sequential `keras.Model`.
        rate: Float in [0, 1): the share of units to drop.
        positions: As in `perturb_model`.
        seed: Int or None (default). Position `i` gets `seed + i`.

    Raises: ValueError, as `keras.layers.Dropout` and `perturb_model` do.
    """
    return insertion.insert_layers(model, layer_factory(rate, seed), positions)


def layer_factory(rate, seed=None):
    """Returns the function that makes the layer of position `index`."""
    first = seeds.given_or_drawn(seed)
    return lambda index: MonteCarloDropout(
        rate, seed=first + index, name=f"monte_carlo_dropout_{index}"
    )
