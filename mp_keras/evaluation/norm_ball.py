"""Random points in the unit ball of a norm: where an attack starts."""

import numpy as np


def draw(norm, shape, seed):
    """Draws one point per example, uniformly in the unit ball of the norm.

    Args:
        norm: "linf", "l2" or "l1".
        shape: Tuple `(examples, ...)`; a point has the axes after the first.
        seed: Int >= 0.

    Returns: float32 array of that shape.
    """
    rng = np.random.default_rng(seed)
    size = (shape[0], int(np.prod(shape[1:])))
    if norm == "linf":
        points = rng.uniform(-1, 1, size)
    elif norm == "l2":  # a direction, and a radius of density r^(n - 1)
        points = rng.normal(size=size)
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        points *= rng.uniform(size=(size[0], 1)) ** (1 / size[1])
    else:  # shares of exponential numbers are uniform on a simplex
        shares = rng.exponential(size=(size[0], size[1] + 1))
        points = shares[:, :-1] / shares.sum(axis=1, keepdims=True)
        points *= rng.choice((-1, 1), size)
    return points.reshape(shape).astype("float32")
