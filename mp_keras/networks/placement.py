"""Places φ into a network: one layer a position, norms by one rule.

`channel_norm` is the largest channel count among the network's positions and
`spatial_norm` the height of its input, so that a φ learned at 32 pixels in
one network works unchanged at 84 pixels in another.
"""

import random

from mp_keras.perturbation import layer


class Placement:
    """Makes the `MetaPerturbLayer`s of one network, position by position.

    Calling it with a feature map returns that map perturbed, or unchanged
    where there is no φ.

    Args:
        perturbation: `PerturbationFunction` or None for a plain network.
        channel_norm: Int, the largest channel count among the positions.
        spatial_norm: Int, height of the network's input in pixels.
        seed: Int or None: seed of the noise; position `i` gets `seed + i`.
        stochastic: Bool, default True, see `MetaPerturbLayer`.

    Raises: ValueError, if there is a φ but no `spatial_norm`.
    """

    def __init__(
        self,
        perturbation,
        channel_norm,
        spatial_norm,
        seed=None,
        stochastic=True,
    ):
        if perturbation is not None and spatial_norm is None:
            raise ValueError(
                "The height of the network's input sets the spatial norm and "
                "must be known. Received: input height None"
            )
        self.perturbation = perturbation
        self.channel_norm = channel_norm
        self.spatial_norm = spatial_norm
        self.stochastic = stochastic
        self.seed = random.randint(1, 10**9) if seed is None else seed
        self.count = 0

    def __call__(self, features):
        if self.perturbation is None:
            return features
        position = layer.MetaPerturbLayer(
            self.perturbation,
            channel_norm=self.channel_norm,
            spatial_norm=self.spatial_norm,
            stochastic=self.stochastic,
            seed=self.seed + self.count,
            name=f"meta_perturb_{self.count}",
        )
        self.count += 1
        return position(features)
