"""Predictions of a batch of trained networks, with one temperature each.

    temperature = argmin over a grid of the validation images' NLL of
                  mean over samples of softmax(logits / temperature),
                  with half an error more (mp_keras/evaluation/temperature.py)

Monte Carlo (Algorithm 2, line 10) or one pass with the noise's expectation,
after batch norm and φ have been measured again in that pass.
"""

import functools
import typing

import jax
import jax.numpy as jnp
import numpy as np

from pipeline.many_runs import networks
from pipeline.many_runs import training

TEMPERATURES = np.geomspace(0.4, 8, 48).astype("float32")
_RECALIBRATION_BATCHES = 30


class Predicted(typing.NamedTuple):
    """Log-probabilities, leading axis: runs.

    Attributes:
        temperature: `(runs,)`.
        validation: `(runs, 2, examples, classes)`, before and after it.
        test: likewise.
    """

    temperature: typing.Any
    validation: typing.Any
    test: typing.Any


def predict(
    layout,
    trained,
    runs,
    images,
    validation,
    test,
    *,
    samples,
    chunk=250,
):
    """Returns `Predicted` of trained runs.

    Args:
        layout: `networks.Layout`.
        trained: `training.Trained`.
        runs: Stacked `training.Run`.
        images: uint8 array on the device.
        validation: Pair of int arrays `(runs, examples)`, which images and
            their labels.
        test: Int array `(runs, examples)`, which images.
        samples: Int, of the noise; 0: one pass with its expectation, on
            `recalibrated` statistics.
        chunk: Int, examples of one pass.
    """
    mean = jax.jit(
        functools.partial(
            _mean_probabilities,
            layout,
            samples=samples if runs.noise is not None else min(samples, 1),
        )
    )

    def over(places, temperatures):
        found = []
        for first in range(0, places.shape[1], chunk):
            part = places[:, first : first + chunk]
            lost = chunk - part.shape[1] if first else 0
            part = np.pad(part, ((0, 0), (0, lost)))
            each = mean(trained, runs, images, part, temperatures, first)
            found.append(np.asarray(each[:, :, : chunk - lost]))
        return np.concatenate(found, 2)

    places, labels = validation
    count = len(places)
    grid = np.broadcast_to(TEMPERATURES, (count, len(TEMPERATURES)))
    fitted = over(places, grid)
    own = np.take_along_axis(fitted, labels[:, None, :, None], 3)
    error = 0.5 / (labels.shape[1] + 1)
    own, others = (np.log(np.maximum(p, 1e-30)) for p in (own, 1 - own))
    best = ((1 - error) * own + error * others).mean((2, 3)).argmax(1)
    temperature = TEMPERATURES[best]
    both = np.stack([np.ones(count, "float32"), temperature], 1)
    tested = over(test, both)
    validated = over(places, both)
    return Predicted(temperature, _log(validated), _log(tested))


def recalibrated(layout, trained, runs, images, batch_size=64, flip=True):
    """Returns `trained` with statistics measured in the noise-free pass.

    Batch norm's and φ's statistics become the means over batches of augmented
    training images, the noise at its expectation.
    """
    every = jax.jit(
        jax.vmap(
            functools.partial(_measured, layout, images, batch_size, flip),
        )
    )
    state = every(trained.weights, trained.state, trained.coefficient, runs)
    return trained._replace(state=state)


def _measured(
    layout, images, batch_size, flip, weights, state, coefficient, run
):
    keep = networks.KEEP

    def batch(total, index):
        key = jax.random.fold_in(jax.random.key(run.seed + 1), index)
        places = jax.random.randint(key, (batch_size,), 0, run.images.shape[0])
        inputs = training.crop_and_flip(images[run.images[places]], key, flip)
        _, moved = networks.apply(
            layout,
            weights,
            state,
            inputs,
            training=True,
            noise=run.noise,
            coefficient=coefficient,
        )
        found = jax.tree.map(
            lambda new, old: (new - keep * old) / (1 - keep), moved, state
        )
        return jax.tree.map(jnp.add, total, found), None

    total, _ = jax.lax.scan(
        batch,
        jax.tree.map(jnp.zeros_like, state),
        jnp.arange(_RECALIBRATION_BATCHES),
    )
    return jax.tree.map(lambda each: each / _RECALIBRATION_BATCHES, total)


def _mean_probabilities(
    layout,
    trained,
    runs,
    images,
    places,
    temperatures,
    first,
    *,
    samples,
):
    def one(weights, state, coefficient, noise, places, temperatures, number):
        inputs = training.normalize(images[places])
        shape = (len(temperatures), len(places), weights["dense"].shape[1])
        key = jax.random.fold_in(jax.random.key(number), first)

        def sample(total, index):
            logits, _ = networks.apply(
                layout,
                weights,
                state,
                inputs,
                training=False,
                noise=noise,
                coefficient=coefficient,
                key=jax.random.fold_in(key, index) if samples else None,
            )
            scaled = logits[None] / temperatures[:, None, None]
            return total + jax.nn.softmax(scaled), None

        count = max(samples, 1)
        total, _ = jax.lax.scan(sample, jnp.zeros(shape), jnp.arange(count))
        return total / count

    numbers = jnp.arange(len(places))
    return jax.vmap(one)(
        trained.weights,
        trained.state,
        trained.coefficient,
        runs.noise,
        places,
        temperatures,
        numbers,
    )


def _log(probabilities):
    return np.log(np.maximum(probabilities, 1e-7)).astype("float16")
