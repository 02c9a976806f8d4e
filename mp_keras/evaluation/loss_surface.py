"""The training loss around the weights that training found (figure 7).

Li et al., NeurIPS 2018, "Visualizing the loss landscape of neural nets":

    d1, d2 = normal draws shaped like the kernels
    each filter of d = filter of d / |filter of d| * |filter of the weights|
    loss(a, b) = training loss of the weights + a d1 + b d2

The filters give the two axes a unit: at a distance of 1, each filter has
moved by its own length, so networks can be compared. The trap: only weights
move. φ, moving statistics and noise streams are no weights; the noise is the
same at every point, or the surface would be rough for want of samples.
"""

import dataclasses

import keras
import numpy as np
from keras import ops

from mp_keras import annotations
from mp_keras import class_outputs
from mp_keras.evaluation import monte_carlo


@dataclasses.dataclass(frozen=True)
class LossSurface:
    """Losses over a square of two directions in weight space.

    Attributes:
        offsets: Array `(points,)`, rising from -radius to radius.
        losses: Array `(points, points)`, nats: `losses[i, j]` is the loss at
            `offsets[i]` along the first and `offsets[j]` along the second
            direction.
    """

    offsets: np.ndarray
    losses: np.ndarray


def loss_surface(
    model: keras.Model,
    images: annotations.Array,
    labels: annotations.Array,
    radius: float = 1.0,
    points: int = 21,
    samples: int = 5,
    batch_size: int = 256,
    seed: int = 0,
) -> LossSurface:
    """Returns the loss along two random, filter-normalized directions.

    The loss is the cross-entropy without L2, the mean over examples and noise
    samples, in test mode.

    Args:
        model: `keras.Model` from images to logits.
        images: Array `(examples, height, width, channels)`, preprocessed as
            in training.
        labels: Integer array `(examples,)`.
        radius: Number > 0, default 1: half the side of the square.
        points: Odd int >= 3, default 21, along each direction; the middle is
            the model itself. Takes `points` squared passes over the images
            and samples.
        samples: Int >= 1, default 5: noise samples, the same at every point.
        batch_size: Int, default 256.
        seed: Int >= 0, default 0, of the directions and the noise.

    Returns: a `LossSurface`. The model's weights are as before, whatever
        happened; meanwhile they are not.
    Raises: ValueError, if an argument is not as above, the model ends in
        probabilities or has no kernel to move.
    """
    class_outputs.check_logits(model)
    _check(images, labels, radius, points)
    weights = model.trainable_variables
    start = [ops.convert_to_numpy(variable) for variable in weights]
    first, second = filter_normalized_directions(start, seed)
    if not any(np.any(part) for part in first):
        raise ValueError(
            f"Model `{model.name}` must have trainable kernels that are not "
            f"zero. Received: {len(weights)} trainable weights"
        )
    mean_loss = _make_mean_loss(
        model, images, labels, samples, batch_size, seed
    )
    offsets = np.linspace(-radius, radius, points)
    losses = np.empty((points, points))
    try:
        for row, along_first in enumerate(offsets):
            for column, along_second in enumerate(offsets):
                for variable, *parts in zip(weights, start, first, second):
                    origin, one, two = parts
                    variable.assign(
                        origin + along_first * one + along_second * two
                    )
                losses[row, column] = mean_loss()
    finally:
        for variable, value in zip(weights, start):
            variable.assign(value)
    return LossSurface(offsets, losses)


def filter_normalized_directions(weights, seed):
    """Returns two random directions with the filters' lengths of the weights.

    A filter is what makes one output channel: a kernel without its last axis.
    Biases and batch norm's parameters do not move (Li et al., section 4).

    Args:
        weights: List of arrays.
        seed: Int >= 0.

    Returns: two lists of float32 arrays, shaped like the weights.
    """
    rng = np.random.default_rng(seed)
    directions = [], []
    for direction in directions:
        for weight in weights:
            if weight.ndim < 2:
                direction.append(np.zeros_like(weight))
                continue
            draws = rng.standard_normal(weight.shape)
            axes = tuple(range(weight.ndim - 1))
            lengths = np.sqrt(np.sum(np.square(weight), axis=axes))
            lengths /= np.sqrt(np.sum(np.square(draws), axis=axes))
            direction.append((draws * lengths).astype("float32"))
    return directions


class _NoiseAveragedLoss(monte_carlo.MonteCarloClassifier):
    """Each example's loss, the mean over noise samples.

    Call arguments: a triple of images `(batch, height, width, channels)`,
        integer labels `(batch,)` and integer seeds `(batch,)`, of which the
        first serves the whole batch.
    Output shape: `(batch,)`, nats.
    """

    def call(self, inputs):
        images, labels, seeds = inputs
        features = self.before_noise(images)

        def losses(index):
            outputs = self.sample_from(features, seeds[0], index)
            return keras.losses.sparse_categorical_crossentropy(
                labels, outputs, from_logits=True
            )

        total = ops.fori_loop(
            1,
            self.samples,
            lambda index, sum_: sum_ + losses(index),
            losses(0),
        )
        return total / self.samples


def _make_mean_loss(model, images, labels, samples, batch_size, seed):
    """Returns a function of nothing to the loss of the model as it is."""
    noisy = _NoiseAveragedLoss(model, samples, from_logits=False, name="loss")
    noisy.jit_compile = keras.backend.backend() == "jax"
    batches = []
    for start in range(0, len(images), batch_size):
        part = slice(start, start + batch_size)
        batch_labels = ops.cast(labels[part], "int32")
        seeds = ops.full(ops.shape(batch_labels), seed + start, dtype="int32")
        batches.append((ops.cast(images[part], "float32"), batch_labels, seeds))
    return lambda: (
        sum(
            float(np.sum(noisy.predict_on_batch(batch), dtype="float64"))
            for batch in batches
        )
        / len(images)
    )


def _check(images, labels, radius, points):
    shapes = np.shape(images), np.shape(labels)
    if len(shapes[0]) != 4 or not len(images) or shapes[1] != shapes[0][:1]:
        raise ValueError(
            "Arguments `images` and `labels` must be (examples, height, "
            "width, channels) and (examples,), with an example at least. "
            f"Received: shapes {shapes[0]} and {shapes[1]}"
        )
    if not 0 < radius < np.inf:
        raise ValueError(
            "Argument `radius` must be a finite number above 0. "
            f"Received: radius={radius}"
        )
    if not isinstance(points, int) or points < 3 or points % 2 == 0:
        raise ValueError(
            "Argument `points` must be an odd integer of at least 3, so that "
            f"the model is in the middle. Received: points={points}"
        )
