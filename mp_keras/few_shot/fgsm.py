"""FGSM on the query images of a task (Lee et al., ICLR 2020, figure 5).

    g = d loss(query images; theta_K) / d query images
    x = x + epsilon * sign(g)          linf   (Goodfellow et al., ICLR 2015)
    x = x + epsilon * g / ||g||_2      l2
    x = x + epsilon * g / ||g||_1      l1
    x = clip(x, 0, 1)

The l1 step goes along the gradient, as foolbox's and so our PGD's does, not
into the one steepest pixel. The trap: batch norm takes the statistics of all
query images of a task, so they are attacked, and then answered, together.
"""

import tensorflow as tf

from mp_keras import argument_checks
from mp_keras import classification

NORMS = ("linf", "l2", "l1")

_LEAST_NORM = 1e-12


def attack(learner, values, images, labels, epsilon, norm="linf"):
    """Returns query images after one step of FGSM.

    Args:
        learner: `FewShotLearner`.
        values: Dict from name to tensor, as its `adapt` returns it.
        images: Float array `(examples, height, width, channels)`, all query
            images of the task, pixels in [0, 1].
        labels: Int array `(examples,)`, the true ones.
        epsilon: Float >= 0, size of the step in `norm`, in units of pixels in
            [0, 1]; the clip makes some steps smaller.
        norm: "linf" (default), "l2" or "l1".

    Returns: float tensor shaped like `images`. An image without a gradient
        stays as it is.
    Raises: ValueError, if `epsilon` is negative or `norm` unknown.
    """
    _check(norm, [epsilon])
    images = tf.cast(images, learner.variable_dtype)
    gradient = learner.image_gradient(values, images, labels)
    return _step(images, _direction(gradient, norm), epsilon)


def robust_accuracy(learner, values, images, labels, radii):
    """Returns the accuracy on attacked query images of one task.

    Args:
        learner: As for `attack`; so are `values`, `images` and `labels`.
        radii: Dict from norm to a sequence of epsilons; 0 is the clean
            accuracy.

    Returns: dict from norm to float tensor `(epsilons,)`, in percent.
    Raises: ValueError, as for `attack`.
    """
    for norm, epsilons in radii.items():
        _check(norm, epsilons)
    images = tf.cast(images, learner.variable_dtype)
    gradient = learner.image_gradient(values, images, labels)
    found = {}
    for norm, epsilons in radii.items():
        direction = _direction(gradient, norm)
        shares = []
        for epsilon in epsilons:
            attacked = _step(images, direction, epsilon)
            logits = learner.logits(values, attacked)
            shares.append(100 * classification.accuracy(labels, logits))
        found[norm] = tf.stack(shares)
    return found


def _direction(gradient, norm):
    """Returns the step of each image for an epsilon of 1."""
    if norm == "linf":
        return tf.sign(gradient)
    size = tf.norm(
        tf.reshape(gradient, (tf.shape(gradient)[0], -1)),
        ord=2 if norm == "l2" else 1,
        axis=1,
    )
    size = tf.reshape(tf.maximum(size, _LEAST_NORM), (-1, 1, 1, 1))
    return gradient / size


def _step(images, direction, epsilon):
    return tf.clip_by_value(images + epsilon * direction, 0.0, 1.0)


def _check(norm, epsilons):
    argument_checks.check_one_of("norm", norm, NORMS)
    for epsilon in epsilons:
        if not 0 <= epsilon < float("inf"):
            raise ValueError(
                "Argument `epsilon` must be a finite number of at least 0. "
                f"Received: epsilon={epsilon}"
            )
