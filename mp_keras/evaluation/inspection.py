"""What φ does at each position: features, noise, scale, product.

The pictures of MetaPerturb's figure 10 and appendix B, and the numbers that a
training run logs.
"""

import dataclasses

import keras
import numpy as np
from keras import ops

from mp_keras import annotations
from mp_keras.graphs import graph_reading
from mp_keras.perturbation import positions_of


@dataclasses.dataclass(frozen=True)
class PositionView:
    """φ at one position, in test mode, for a batch of images.

    Attributes:
        name: Str, name of the `MetaPerturbLayer`.
        features: Array `(batch, height, width, channels)` before φ.
        noise: Array shaped like it: one sample of `z`.
        scale: Array `(channels,)`: `s` from the moving statistics.
        noise_coefficient: Float in [0, 1].
        outputs: Array shaped like `features`, after φ.
    """

    name: str
    features: np.ndarray
    noise: np.ndarray
    scale: np.ndarray
    noise_coefficient: float
    outputs: np.ndarray

    def strongest_channel(self, example=0):
        """Returns the channel that passes most through the next ReLU."""
        passed = np.maximum(self.features[example], 0)
        return int(np.argmax(np.mean(passed, axis=(0, 1))))


def inspect_positions(
    model: keras.Model, images: annotations.Array, seed: int = 0
) -> list[PositionView]:
    """Returns a `PositionView` of each position of a functional model.

    Args:
        model: Functional `keras.Model` with positions in its own graph.
        images: Float array `(batch, height, width, channels)`, preprocessed.
        seed: Int, default 0. Seed of the noise that is shown.

    Raises: ValueError, if a position is not in the model's own graph.

    The model's own noise streams and statistics stay as they are, but what a
    position sees was perturbed, with its model's noise, by the ones before.
    """
    found = positions_of(model)
    if not found:
        return []
    own = model.layers if graph_reading.is_graph(model) else []
    if not set(map(id, found)) <= set(map(id, own)):
        raise ValueError(
            "Argument `model` must be a functional or Sequential keras.Model "
            "with its positions in its own graph, not in a nested model. "
            f"Received: model {model.name}"
        )
    streams = [position.seed_generator.state for position in found]
    before = [ops.convert_to_numpy(stream) for stream in streams]
    probe = keras.Model(model.inputs, [position.input for position in found])
    maps = probe(ops.convert_to_tensor(images), training=False)
    for stream, value in zip(streams, before):
        stream.assign(value)
    maps = maps if isinstance(maps, list | tuple) else [maps]
    return [
        _view(position, ops.convert_to_numpy(features), seed + index)
        for index, (position, features) in enumerate(zip(found, maps))
    ]


def _view(position, features, seed):
    phi = position.perturbation
    shape = phi.draws_shape(features.shape)
    draws = np.random.default_rng(seed).standard_normal(shape)
    noise = phi.noise_factor(phi.noise_mean(features), draws.astype("float32"))
    noise = 1.0 if noise is None else ops.convert_to_numpy(noise)
    noise = np.broadcast_to(noise, features.shape).astype(features.dtype)
    scale = position.scale(
        features.shape[1], position.moving_mean, position.moving_variance
    )
    scale = ops.convert_to_numpy(scale)
    coefficient = float(position.noise_coefficient)
    return PositionView(
        name=position.name,
        features=features,
        noise=noise,
        scale=scale,
        noise_coefficient=coefficient,
        outputs=features * (1 + coefficient * (scale * noise - 1)),
    )
