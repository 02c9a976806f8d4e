"""A weight of the few-shot network: who learns it, and how it starts."""

import dataclasses

import keras

ADAPTED = "adapted"  # θ: by the inner steps, from a start of the outer loop
SHARED = "shared"  # by the outer loop alone
NOISE = "noise"  # φ: by the outer loop alone, acts in the inner steps
RATE = "rate"  # Meta-SGD's step sizes: by the outer loop alone

_STDDEV = 0.02


@dataclasses.dataclass(frozen=True)
class WeightSpec:
    """One weight.

    Attributes:
        name: Str, unique in a network.
        shape: Tuple of ints.
        group: Str, `ADAPTED`, `SHARED`, `NOISE` or `RATE`.
        start: "truncated_normal" or "normal" (standard deviation 0.02), or
            the number that fills it.
    """

    name: str
    shape: tuple
    group: str
    start: str | float = 0.0

    def initializer(self, seed):
        """Returns the Keras initializer.

        Args:
            seed: Int or `SeedGenerator`.
        """
        if self.start == "truncated_normal":
            return keras.initializers.TruncatedNormal(stddev=_STDDEV, seed=seed)
        if self.start == "normal":
            return keras.initializers.RandomNormal(stddev=_STDDEV, seed=seed)
        return keras.initializers.Constant(self.start)


def kernel_and_bias(prefix, shape, group, start):
    """Returns the `WeightSpec`s of a convolution or dense map, a list.

    Args:
        prefix: Str, before "kernel" and "bias" in the names.
        shape: Tuple of ints, of the kernel; its last is the bias' length.
        group: Str, of both.
        start: Of the kernel; the bias starts at 0.
    """
    return [
        WeightSpec(f"{prefix}kernel", shape, group, start),
        WeightSpec(f"{prefix}bias", shape[-1:], group),
    ]
