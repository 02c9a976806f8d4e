"""Trains a batch of networks at once: Algorithm 2 for many runs.

    every step, for every run at once (jax.vmap):
        images = crop and flip(images[batch])
        loss   = cross entropy of the network with its noise, mixed if asked
        Adam with coupled L2, rate x 0.3 after 40, 70 and 90 % of the steps

Runs that are to be compared share their seed: initial weights, batches, crops
and mixtures are then the same, and what differs is what is compared.
"""

import functools
import typing

import jax
import jax.numpy as jnp
import numpy as np

from pipeline.many_runs import networks
from pipeline.many_runs import perturbation

_DROPS = (0.4, 0.7, 0.9)
_FACTOR = 0.3


class Run(typing.NamedTuple):
    """One training; a batch of them is one `Run` of stacked arrays.

    Attributes:
        seed: Int: initial weights, batches, crops, mixtures.
        noise: `perturbation.Noise`, or None for a network without φ.
        alpha: Float, Manifold Mixup's; 0: no mixing.
        learning_rate: Float.
        l2: Float.
        images: Int array `(examples,)`: which images it trains on.
        labels: Int array `(examples,)`.
    """

    seed: typing.Any
    noise: typing.Any
    alpha: typing.Any
    learning_rate: typing.Any
    l2: typing.Any
    images: typing.Any
    labels: typing.Any


def make_run(seed, noise, alpha, rates, images, labels):
    """Returns a `Run` with numbers as the device takes them.

    Args:
        seed, noise, alpha: As `Run` has them.
        rates: Config or dict with `learning_rate` and `l2`.
        images: Int array `(examples,)`, which images.
        labels: Int array, the labels of all images.
    """
    return Run(
        np.int32(seed),
        noise,
        np.float32(alpha),
        np.float32(rates["learning_rate"]),
        np.float32(rates["l2"]),
        images.astype("int32"),
        labels[images],
    )


class Trained(typing.NamedTuple):
    """What a batch of trainings leaves; leading axis: runs.

    Attributes:
        weights, state: As networks.py has them.
        coefficient: `(runs,)`, the noise coefficient at the end.
        losses: `(windows, runs)`, mean training losses.
    """

    weights: typing.Any
    state: typing.Any
    coefficient: typing.Any
    losses: typing.Any


def stack(runs):
    """Returns a list of `Run`s as one `Run` of stacked arrays."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *runs)


def schedules(runs, steps, batch_size, positions):
    """Returns what chance decides beforehand, leading axis: steps.

    Args:
        runs: Stacked `Run`.
        steps, batch_size: Ints.
        positions: Int, how many positions may mix, besides the images.

    Returns: batches `(steps, runs, batch)`, indices into a run's examples;
        mixing layers `(steps, runs)`; mixing weights `(steps, runs)`.
    """
    batches, layers, weights = [], [], []
    for seed, alpha, labels in zip(runs.seed, runs.alpha, runs.labels):
        random = np.random.default_rng([int(seed), 1])
        batches.append(_epochs(random, len(labels), steps * batch_size))
        layers.append(random.integers(0, positions + 1, steps))
        shape = max(float(alpha), 1e-3)
        mixing = random.beta(shape, shape, steps)
        weights.append(mixing if alpha > 0 else np.ones(steps))
    batches = np.stack(batches).reshape(len(batches), steps, batch_size)
    return (
        batches.swapaxes(0, 1).astype("int32"),
        np.stack(layers, 1).astype("int32"),
        np.stack(weights, 1).astype("float32"),
    )


def train(
    layout,
    runs,
    images,
    *,
    classes,
    steps,
    batch_size,
    flip=True,
    window=250,
):
    """Trains a batch of runs and returns `Trained`.

    Args:
        layout: `networks.Layout`.
        runs: Stacked `Run`; with `noise`, or all without; mixing costs
            nothing where no run mixes.
        images: uint8 array `(count, size, size, 3)` on the device.
        classes, steps, batch_size: Ints.
        flip: Bool: mirror half of the images.
        window: Int, steps of one call of the device.
    """
    mixes = bool(np.any(runs.alpha > 0))
    decided = schedules(runs, steps, batch_size, len(layout.positions))
    begin = functools.partial(
        start, layout, classes=classes, image_size=images.shape[1]
    )
    carry = jax.jit(jax.vmap(begin))(jnp.asarray(runs.seed))
    advance = jax.jit(
        functools.partial(
            _advance, layout, steps=steps, flip=flip, mixes=mixes
        ),
        donate_argnums=(0,),
    )
    losses = []
    for first in range(0, steps, window):
        some = slice(first, min(first + window, steps))
        numbers = np.arange(some.start, some.stop, dtype="int32")
        xs = (numbers, *(each[some] for each in decided))
        carry, loss = advance(carry, xs, runs, images)
        losses.append(loss.mean(0))
    final = jax.vmap(
        lambda noise: perturbation.coefficient_at(noise, steps, steps)
    )
    count = len(runs.seed)
    coefficient = final(runs.noise) if runs.noise else jnp.zeros(count)
    weights, _, state = carry
    return Trained(weights, state, coefficient, np.stack(losses))


def _epochs(random, examples, count):
    """Returns `count` indices: epochs, each in an order of its own."""
    epochs = -(-count // examples)
    orders = [random.permutation(examples) for _ in range(epochs)]
    return np.concatenate(orders)[:count]


def start(layout, seed, *, classes, image_size):
    """Returns weights, Adam's moments and statistics of a run at its start."""
    weights = networks.initial_weights(
        layout, jax.random.key(seed), classes, image_size
    )
    zeros = jax.tree.map(jnp.zeros_like, weights)
    return weights, (zeros, zeros), networks.initial_state(layout)


def _advance(layout, carry, xs, runs, images, *, steps, flip, mixes):
    step = functools.partial(train_step, layout, images, steps, flip, mixes)
    every = jax.vmap(step, in_axes=(0, (None, 0, 0, 0), 0))
    return jax.lax.scan(lambda carry, x: every(carry, x, runs), carry, xs)


def train_step(layout, images, steps, flip, mixes, carry, x, run, salt=None):
    """One step of one run: the carry after it and its training loss.

    Args:
        layout: `networks.Layout`.
        images: uint8 array on the device.
        steps: Int, of the whole run.
        flip, mixes: Bools.
        carry: Weights, moments, state.
        x: Step, batch, mixing layer, mixing weight.
        run: `Run`.
        salt: Int, what crops and noise are drawn from; default: the step.
    """
    weights, moments, state = carry
    step, batch, layer, mixing = x
    salt = step if salt is None else salt
    key = jax.random.fold_in(jax.random.key(run.seed), salt)
    crop_key, noise_key = jax.random.split(key)
    labels = run.labels[batch]
    inputs = crop_and_flip(images[run.images[batch]], crop_key, flip)
    coefficient = 0.0
    if run.noise is not None:
        coefficient = perturbation.coefficient_at(run.noise, step, steps)

    def loss_of(weights):
        logits, new_state = networks.apply(
            layout,
            weights,
            state,
            inputs,
            training=True,
            noise=run.noise,
            coefficient=coefficient,
            key=noise_key,
            mixing=(layer, mixing) if mixes else None,
        )
        loss = cross_entropy(logits, labels)
        if mixes:
            other = cross_entropy(logits, jnp.roll(labels, -1, 0))
            loss = mixing * loss + (1 - mixing) * other
        return loss, new_state

    (loss, state), gradient = jax.value_and_grad(loss_of, has_aux=True)(weights)
    rate = learning_rate_at(run.learning_rate, step, steps)
    weights, moments = adam_l2(weights, gradient, moments, step, rate, run.l2)
    return (weights, moments, state), loss


def learning_rate_at(rate, step, steps):
    """Returns the learning rate of a step: x 0.3 at each drop."""
    passed = sum((step >= part * steps) * 1.0 for part in _DROPS)
    return rate * _FACTOR**passed


def adam_l2(weights, gradient, moments, step, rate, l2):
    """Returns weights and moments after a step of Adam with coupled L2."""
    first, second = moments
    gradient = jax.tree.map(lambda g, w: g + l2 * w, gradient, weights)
    first = jax.tree.map(lambda m, g: m + 0.1 * (g - m), first, gradient)
    second = jax.tree.map(
        lambda v, g: v + 0.001 * (g * g - v), second, gradient
    )
    bias_1, bias_2 = (  # 1 - beta^(step + 1), without its cancellation
        -jnp.expm1((step + 1) * np.log(beta)) for beta in (0.9, 0.999)
    )
    weights = jax.tree.map(
        lambda w, m, v: w - rate * (m / bias_1) / (jnp.sqrt(v / bias_2) + 1e-8),
        weights,
        first,
        second,
    )
    return weights, (first, second)


def cross_entropy(logits, labels):
    """Returns the mean cross entropy of a batch, in nats."""
    log = jax.nn.log_softmax(logits)
    return -jnp.take_along_axis(log, labels[:, None], 1).mean()


def normalize(images):
    """Returns uint8 images as float32 in [-1, 1]."""
    return images.astype(jnp.float32) / 127.5 - 1


def crop_and_flip(images, key, flip):
    """Returns normalized random crops of zero-padded uint8 images."""
    count, size = images.shape[:2]
    padding = min(8, max(1, size // 8))
    crop_key, flip_key = jax.random.split(key)
    corner = jax.random.randint(crop_key, (count, 2), 0, 2 * padding + 1)
    mirrored = jax.random.bernoulli(flip_key, 0.5, (count,)) & flip
    sides = (padding, padding)
    padded = jnp.pad(images, ((0, 0), sides, sides, (0, 0)))

    def cut(image, corner, mirrored):
        crop = jax.lax.dynamic_slice(image, (*corner, 0), (size, size, 3))
        return jnp.where(mirrored, crop[:, ::-1], crop)

    return normalize(jax.vmap(cut)(padded, corner, mirrored))
