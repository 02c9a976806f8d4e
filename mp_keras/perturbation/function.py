"""The perturbation function φ: 82 numbers for every position of every network.

Ryu et al., "MetaPerturb: Transferable Regularizer for Heterogeneous Tasks and
Architectures", NeurIPS 2020, section 3.2. At one position of a network, with
the feature map `h`:

    mean  = E2(relu(E1(h)))                  # E: channel-equivariant 3x3
    z     = softplus(mean + normal noise)    # eq. (1)
    v     = mean over height and width of relu(4 depthwise 3x3 kernels of h)
    s     = sigmoid(head . [batch mean of v, batch variance of v,
                            channels / channel_norm, height / spatial_norm])
    out   = h * (1 + noise_coefficient * (s * z - 1))        # eq. (2)

The trap: the two norms describe the network, not φ. They are no part of this
class; whoever places φ into a network hands over the ratios. The variants are
those of table 3 (a), of the paper's text and a control; they are part of φ,
which has to be learned with them.
"""

import typing

import keras
import numpy as np
from keras import ops

from mp_keras import argument_checks
from mp_keras import noise
from mp_keras.perturbation import stencils

# Name and shape of each weight: 36 + 36 + 10 = 82 numbers.
WEIGHT_SHAPES = {
    "scale_kernels": (4, 3, 3),
    "noise_self_1": (3, 3),
    "noise_all_1": (3, 3),
    "noise_self_2": (3, 3),
    "noise_all_2": (3, 3),
    "scale_head": (10,),
}
STATISTICS = 4  # channel features of one channel
OUTPUT_LIMIT = 100.0  # upper clip of a position's output in training
FEATURE_LIMIT = 1e17  # of a channel feature: its square stays in float32
_UNTRAINED_SCALE = 0.5  # the sigmoid of 0
ALL_BRANCHES = ("mean", "sum")
NOISE_PER = ("element", "channel")


@keras.saving.register_keras_serializable(package="mp_keras")
class PerturbationFunction(keras.layers.Layer):
    """Holds φ, the 82 shared numbers, and computes its parts.

    `E` is a permutation-equivariant 3x3 convolution without bias: `self`
    applied to each channel by itself plus `all` applied to the mean, or sum,
    over channels.

    Args:
        values: Dict from weight name to array-like, as `values()` returns it,
            or None (default) for fresh numbers from N(0, stddev^2).
        seed: Int or None (default). Seed of the fresh numbers.
        use_scale: Bool, default True. False: `s` is 1 (table 3, "w/o
            channel-wise scaling s").
        use_noise: Bool, default True. False: `z` is 1 (table 3, "w/o
            stochastic noise z").
        all_branch: "mean" (default, the authors' code) or "sum" (the paper):
            what the `all` kernels see of the channels.
        preserve_mean: Bool, default False. True: `z` is divided by its mean
            (ours: noise that leaves the signal's strength, with `use_scale`
            False).
        stddev: Float >= 0, default 0.01. Spread of the fresh numbers.
        noise_per: "element" (default, the paper): a normal draw for each
            element of the map; or "channel" (ours): one for all elements of
            an example's channel, which averages over the map do not remove.
        input_dependent: Bool, default True. False: μ is 0 and `s` 1/2
            whatever the features, as with numbers that are all 0 (ours:
            noise alone, without the price of what φ computes).
        **kwargs: Passed to `keras.layers.Layer`.

    Weights: `scale_kernels` `(4, 3, 3)`, `noise_self_1`, `noise_all_1`,
        `noise_self_2`, `noise_all_2`, `(3, 3)` each, `scale_head` `(10,)`.
    Raises: ValueError, if `values` has other names, shapes or non-finite
        numbers, `all_branch` or `noise_per` is neither, or `stddev` is
        negative or not finite.

    >>> phi = PerturbationFunction(seed=0)
    >>> sum(int(np.prod(w.shape)) for w in phi.weights)
    82
    >>> phi.noise_mean(keras.ops.ones((2, 8, 8, 16))).shape
    TensorShape([2, 8, 8, 16])

    Reference: Ryu et al., NeurIPS 2020, section 3.2 and figure 2.
    """

    # Differs from the paper: `all` takes the mean over channels and the head
    # of the scale has no bias, because the authors' code, which learned the
    # published φ, does so.

    def __init__(
        self,
        values: dict[str, np.ndarray] | None = None,
        seed: int | None = None,
        use_scale: bool = True,
        use_noise: bool = True,
        all_branch: str = "mean",
        preserve_mean: bool = False,
        stddev: float = 0.01,
        noise_per: str = "element",
        input_dependent: bool = True,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        argument_checks.check_one_of("all_branch", all_branch, ALL_BRANCHES)
        argument_checks.check_one_of("noise_per", noise_per, NOISE_PER)
        if not 0 <= stddev < float("inf"):
            raise ValueError(
                "Argument `stddev` must be finite and at least 0. "
                f"Received: stddev={stddev}"
            )
        self.seed = seed
        self.stddev = stddev
        self.use_scale = use_scale
        self.use_noise = use_noise
        self.all_branch = all_branch
        self.preserve_mean = preserve_mean
        self.noise_per = noise_per
        self.input_dependent = input_dependent
        initializer = keras.initializers.RandomNormal(
            stddev=stddev, seed=keras.random.SeedGenerator(seed)
        )
        for name, shape in WEIGHT_SHAPES.items():
            # Made frozen where the layer is: `model.trainable = True`, which
            # reaches every layer, must not thaw the copies in a network.
            weight = self.add_weight(
                shape=shape,
                initializer=initializer,
                trainable=self.trainable,
                dtype="float32",  # whatever the policy
                autocast=False,  # the scale stays float32
                name=name,
            )
            setattr(self, name, weight)
        self.built = True
        if values is not None:
            self.set_values(values)

    def values(self):
        """Returns a dict from weight name to float32 NumPy array."""
        return {
            name: ops.convert_to_numpy(getattr(self, name)).astype("float32")
            for name in WEIGHT_SHAPES
        }

    def variant(self):
        """Returns the options of this φ by name, as `__init__` takes them."""
        return {
            "use_scale": self.use_scale,
            "use_noise": self.use_noise,
            "all_branch": self.all_branch,
            "preserve_mean": self.preserve_mean,
            "noise_per": self.noise_per,
            "input_dependent": self.input_dependent,
        }

    def set_values(self, values):
        """Sets all 82 numbers from a dict as `values()` returns it.

        Raises: ValueError, if names or shapes differ or a number is not
            finite; then no weight has changed.
        """
        arrays = check_values(values)
        for name, array in arrays.items():
            getattr(self, name).assign(array)

    def noise_mean(self, features, training=False):
        """Returns μ, the mean of the noise before softplus (eq. (1)).

        Args:
            features: Float tensor `(batch, height, width, channels)`.
            training: Bool, default False. True: in the form that is quicker
                for batches on a CPU, and that exports are not made of.

        Returns: a tensor shaped like `features`, or one number that stands for
            all where φ is not input-dependent; None without noise.
        """
        if not self.use_noise:
            return None
        if not self.input_dependent:
            return ops.zeros((1, 1, 1, 1), features.dtype)
        hidden = self._equivariant(
            features, self.noise_self_1, self.noise_all_1, training
        )
        return self._equivariant(
            ops.relu(hidden), self.noise_self_2, self.noise_all_2, training
        )

    def draws_shape(self, shape):
        """Returns the shape of the normal draws for a feature map's shape.

        Args:
            shape: Of four ints or integer scalar tensors.
        """
        batch, height, width, channels = shape
        if self.noise_per == "channel":
            return batch, 1, 1, channels
        return batch, height, width, channels

    def noise_factor(self, mean, draws=None):
        """Returns the noise `z` of eq. (1), a sample or its expectation.

        Args:
            mean: What `noise_mean` returned.
            draws: Standard-normal tensor of `draws_shape`, or None: E[z].

        Returns: a positive tensor of the shape that `mean` and `draws` have
            together; None without noise.
        """
        if mean is None:
            return None
        if not self.preserve_mean:
            if draws is None:
                return noise.expected_softplus(mean)
            return noise.softplus_noise(mean, draws)
        if draws is None:
            return ops.ones_like(mean)
        expected = noise.expected_softplus(mean)
        return noise.softplus_noise(mean, draws) / expected

    def channel_features(self, features):
        """Returns the vector of 4 that describes each channel (figure 2).

        Args:
            features: Float tensor `(batch, height, width, channels)`.

        Returns: float32 tensor `(batch, channels, 4)`, none negative, and
            none above 1e17, so that their variance is finite.
        """
        parts = []
        for index in range(STATISTICS):
            kernel = ops.convert_to_tensor(self.scale_kernels)[index]
            response = ops.relu(stencils.depthwise(features, kernel))
            response = ops.cast(response, "float32")
            parts.append(stencils.sum_over_map(response))  # (batch, channels)
        _, height, width, _ = ops.shape(features)
        # A mean's gradient would be a division of the whole map.
        area = ops.cast(height * width, "float32")
        found = ops.stack(parts, axis=-1) / area  # (batch, channels, 4)
        return ops.minimum(found, FEATURE_LIMIT)

    def scale(self, mean, variance, channel_ratio, height_ratio):
        """Returns `s`, one scale in (0, 1) for each channel (figure 2).

        Args:
            mean: Float tensor `(channels, 4)`, mean of the channel features
                over the batch, or their moving mean.
            variance: Float tensor `(channels, 4)`, their variance.
            channel_ratio: Scalar, channels / channel_norm.
            height_ratio: Scalar, height / spatial_norm.

        Returns: float32 tensor `(channels,)`.
        """
        mean = ops.cast(mean, "float32")
        if not self.use_scale:
            return ops.ones_like(mean[:, 0])  # (channels,)
        if not self.input_dependent:
            return ops.full_like(mean[:, 0], _UNTRAINED_SCALE)
        column = ops.ones_like(mean[:, :1])  # (channels, 1)
        inputs = ops.concatenate(
            [
                mean,
                ops.cast(variance, "float32"),
                column * ops.cast(channel_ratio, "float32"),
                column * ops.cast(height_ratio, "float32"),
            ],
            axis=-1,
        )  # (channels, 10)
        head = ops.cast(ops.convert_to_tensor(self.scale_head), "float32")
        return ops.sigmoid(ops.sum(inputs * head, axis=-1))  # (channels,)

    def get_config(self):
        return {
            **super().get_config(),
            "seed": self.seed,
            "stddev": self.stddev,
            **self.variant(),
        }

    def _equivariant(self, features, self_kernel, all_kernel, training):
        """Applies one channel-permutation-equivariant 3x3 convolution."""
        if self.all_branch == "mean" and features.dtype == "float16":
            # A sum over the channels exceeds what it can hold.
            wide = ops.cast(features, "float32")
            pooled = ops.cast(ops.mean(wide, -1, keepdims=True), "float16")
        else:
            pooled = ops.sum(features, axis=-1, keepdims=True)  # (b, h, w, 1)
            if self.all_branch == "mean":  # of 9 numbers, not of the whole map
                all_kernel = all_kernel / ops.shape(features)[-1]
        of_self = stencils.depthwise(features, self_kernel)
        if training:
            return of_self + stencils.pooled_depthwise(pooled, all_kernel)
        return of_self + stencils.depthwise(pooled, all_kernel)


def batch_statistics(channel_features):
    """Returns mean and unbiased variance of channel features over the batch.

    Args:
        channel_features: Float tensor `(batch, channels, 4)`.

    Returns: two tensors `(channels, 4)`; the variance of a single example
        is 0.
    """
    channel_features = ops.convert_to_tensor(channel_features)
    count = ops.cast(ops.shape(channel_features)[0], channel_features.dtype)
    mean = ops.mean(channel_features, axis=0)
    squares = ops.sum(ops.square(channel_features - mean), axis=0)
    # Differs from the authors' code: one example alone gives 0, not NaN.
    return mean, squares / ops.maximum(count - 1, 1)


def perturb(features, noise_factor, scale, noise_coefficient, training):
    """Returns `features * (1 + noise_coefficient * (scale * z - 1))`, eq. (2).

    Args:
        features: Float tensor `(batch, height, width, channels)`.
        noise_factor: `z`, a tensor that goes with `features`; None: 1.
        scale: Float tensor `(channels,)`.
        noise_coefficient: Scalar in [0, 1]; 0 leaves the features.
        training: Bool. In training the result is clipped from above at 100.
    """
    scale = ops.cast(scale, features.dtype)
    noise_coefficient = ops.cast(noise_coefficient, features.dtype)
    factor = noise_coefficient * scale  # (channels,)
    if noise_factor is not None:
        factor = factor * noise_factor
    outputs = features * (factor + (1 - noise_coefficient))
    if not training:
        return outputs
    if keras.backend.backend() == "torch":  # half the passes in the gradient
        return ops.convert_to_tensor(outputs).clamp(max=OUTPUT_LIMIT)
    return ops.minimum(outputs, OUTPUT_LIMIT)


def check_values(values):
    """Returns `values` as float32 arrays, or says what is wrong with them.

    Args:
        values: Dict from weight name to array-like.

    Raises: ValueError, if a name is missing or unknown, a shape differs or a
        number is not finite.
    """
    if set(values) != set(WEIGHT_SHAPES):
        raise ValueError(
            "Argument `values` must have exactly the weights "
            f"{sorted(WEIGHT_SHAPES)}. Received: values with {sorted(values)}"
        )
    arrays = {}
    for name, shape in WEIGHT_SHAPES.items():
        array = np.asarray(values[name], dtype="float32")
        if array.shape != shape or not np.all(np.isfinite(array)):
            raise ValueError(
                f"Weight `{name}` must be finite with shape {shape}. "
                f"Received: shape {array.shape}, "
                f"finite={bool(np.all(np.isfinite(array)))}"
            )
        arrays[name] = array
    return arrays
