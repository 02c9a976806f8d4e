"""ResNet20 and Conv4 as functions of arrays, with φ at their positions.

Layer by layer what `mp_keras.networks` builds, in the order of its weights, so
that weights go over and back. A convolution is one matrix product of 3x3
patches: that is what a batch of runs, each with weights of its own, can be.
"""

import typing

import jax
import jax.numpy as jnp

from pipeline.many_runs import perturbation

_EPSILON = 1e-5  # of batch norm
KEEP = 0.9  # the part of a moving statistic that a step keeps


class Layout(typing.NamedTuple):
    """What differs between the two networks.

    Attributes:
        convolutions: Tuple of `(channels, stride)`, in order.
        bias: Bool, whether convolutions have biases.
        residual: Bool: ResNet20's blocks, or Conv4's with a pool behind each.
        channel_norm: Int, the largest channel count.
    """

    convolutions: tuple
    bias: bool
    residual: bool
    channel_norm: int

    @property
    def positions(self):
        """Channels of each of φ's positions."""
        outputs = [channels for channels, _ in self.convolutions]
        return outputs[2::2] if self.residual else outputs


_LEVELS = [(16, 1), (32, 2), (64, 2)]
RESNET20 = Layout(
    ((16, 1),)
    + tuple(
        (channels, stride if index == 0 else 1)
        for channels, stride in _LEVELS
        for index in range(6)
    ),
    False,
    True,
    64,
)
CONV4 = Layout(((64, 1),) * 4, True, False, 64)
LAYOUTS = {"resnet20": RESNET20, "conv4": CONV4}


def initial_weights(layout, key, classes, image_size):
    """Returns the trained weights at their start: PyTorch's defaults.

    Args:
        layout: `Layout`.
        key: JAX random key.
        classes: Int, number of logits.
        image_size: Int, pixels.
    """
    keys = iter(jax.random.split(key, 2 * len(layout.convolutions) + 2))
    weights = {"kernels": [], "biases": [], "gammas": [], "betas": []}
    inputs = 3
    for channels, _ in layout.convolutions:
        spread = (2 / (9 * channels)) ** 0.5  # Kaiming, fan-out
        shape = (3, 3, inputs, channels)
        kernel = spread * jax.random.normal(next(keys), shape)
        weights["kernels"].append(kernel)
        bias_key = next(keys)
        if layout.bias:
            limit = (9 * inputs) ** -0.5
            weights["biases"].append(_uniform(bias_key, (channels,), limit))
        weights["gammas"].append(jnp.ones(channels))
        weights["betas"].append(jnp.zeros(channels))
        inputs = channels
    if not layout.residual:
        inputs *= (image_size // 2 ** len(layout.convolutions)) ** 2
    limit = inputs**-0.5
    weights["dense"] = _uniform(next(keys), (inputs, classes), limit)
    weights["dense_bias"] = _uniform(next(keys), (classes,), limit)
    return weights


def initial_state(layout):
    """Returns the moving statistics of batch norms and φ at their start."""
    outputs = [channels for channels, _ in layout.convolutions]
    return {
        "norms": [(jnp.zeros(each), jnp.ones(each)) for each in outputs],
        "positions": [
            (jnp.zeros((each, 4)), jnp.ones((each, 4)))
            for each in layout.positions
        ],
    }


def apply(
    layout,
    weights,
    state,
    images,
    *,
    training,
    noise=None,
    coefficient=0.0,
    key=None,
    mixing=None,
    norm_training=None,
):
    """Returns logits and the new moving statistics.

    Args:
        layout: `Layout`.
        weights: As `initial_weights` returns them.
        state: As `initial_state` returns it.
        images: Array `(batch, size, size, 3)` in [-1, 1].
        training: Bool: φ takes the batch's statistics.
        noise: `perturbation.Noise`, or None: a network without φ.
        coefficient: Scalar, the noise coefficient.
        key: JAX random key of the noise, or None: its expectation.
        mixing: `(layer, weight)` of Manifold Mixup, scalars: features of that
            layer (0: the images) are mixed with those of the next example; or
            None.
        norm_training: Bool: batch norm takes the batch's statistics; default
            None: if `training`.
    """
    norm_training = training if norm_training is None else norm_training
    walk = _Walk(
        layout, weights, state, images.shape[1], training, norm_training
    )
    walk.noise, walk.coefficient = noise, coefficient
    walk.key, walk.mixing = key, mixing
    features = walk.mix(images)
    if layout.residual:
        features = _residual(walk, features)
    else:
        features = _chain(walk, features)
    logits = features @ weights["dense"] + weights["dense_bias"]
    return logits, walk.new_state


def _residual(walk, features):
    features = jax.nn.relu(walk.convolution_norm(features))
    for _ in walk.layout.positions:
        inputs = features
        features = jax.nn.relu(walk.convolution_norm(features))
        features = walk.convolution_norm(features)
        stride = inputs.shape[1] // features.shape[1]
        added = (features.shape[3] - inputs.shape[3]) // 2
        shortcut = inputs[:, ::stride, ::stride]
        shortcut = jnp.pad(shortcut, ((0, 0),) * 3 + ((added, added),))
        features = jax.nn.relu(walk.position(features + shortcut))
    return features.mean((1, 2))


def _chain(walk, features):
    for _ in walk.layout.convolutions:
        features = walk.position(walk.convolution_norm(features))
        features = jax.nn.relu(features)
        batch, height, width, channels = features.shape
        height, width = height // 2, width // 2
        features = features[:, : 2 * height, : 2 * width]
        features = features.reshape(batch, height, 2, width, 2, channels)
        features = features.max((2, 4))
    return features.reshape(len(features), -1)


class _Walk:
    """One pass: hands each layer its weights, keeps the new statistics."""

    def __init__(
        self, layout, weights, state, image_size, training, norm_training
    ):
        self.layout, self.weights, self.state = layout, weights, state
        self.image_size = image_size
        self.training, self.norm_training = training, norm_training
        self.new_state = {"norms": [], "positions": []}
        self._mixed = 0

    def convolution_norm(self, features):
        index = len(self.new_state["norms"])
        stride = self.layout.convolutions[index][1]
        features = convolution(features, self.weights["kernels"][index], stride)
        if self.layout.bias:
            features += self.weights["biases"][index]
        moving = self.state["norms"][index]
        mean, variance = moving
        if self.norm_training:
            mean, variance = features.mean((0, 1, 2)), features.var((0, 1, 2))
            moving = _moved(moving, (mean, variance))
        self.new_state["norms"].append(moving)
        factor = self.weights["gammas"][index] * jax.lax.rsqrt(
            variance + _EPSILON
        )
        shift = self.weights["betas"][index] - mean * factor
        return features * factor + shift

    def position(self, features):
        index = len(self.new_state["positions"])
        moving = self.state["positions"][index]
        if self.noise is not None:
            key = self.key
            features, batch = perturbation.perturb(
                features,
                self.noise,
                self.coefficient,
                moving,
                (self.layout.channel_norm, self.image_size),
                None if key is None else jax.random.fold_in(key, index),
                self.training,
            )
            if batch is not None:
                count = len(features)
                # As the authors' code: unbiased once more.
                batch = batch[0], batch[1] * count / max(count - 1, 1)
                moving = _moved(moving, batch)
        self.new_state["positions"].append(moving)
        return self.mix(features)

    def mix(self, features):
        if self.mixing is not None:
            layer, weight = self.mixing
            weight = jnp.where(layer == self._mixed, weight, 1.0)
            partners = jnp.roll(features, -1, 0)
            features = weight * features + (1 - weight) * partners
        self._mixed += 1
        return features


def convolution(features, kernel, stride):
    """A 3x3 convolution, one pixel of zeros at each side."""
    height, width = features.shape[1:3]
    padded = jnp.pad(features, ((0, 0), (1, 1), (1, 1), (0, 0)))
    patches = jnp.concatenate(
        [
            padded[
                :,
                row : row + height : stride,
                column : column + width : stride,
            ]
            for row in range(3)
            for column in range(3)
        ],
        -1,
    )  # (batch, height, width, 9 * channels)
    return patches @ kernel.reshape(-1, kernel.shape[-1])


def _moved(moving, new):
    return tuple(
        KEEP * old + (1 - KEEP) * jax.lax.stop_gradient(each)
        for old, each in zip(moving, new)
    )


def _uniform(key, shape, limit):
    return jax.random.uniform(key, shape, minval=-limit, maxval=limit)
