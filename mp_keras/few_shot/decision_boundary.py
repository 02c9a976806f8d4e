"""Features of two classes around their decision boundary (figure 4).

Lee et al., ICLR 2020, appendix B. H: inputs of the dense layer, w and b: its
columns of the classes c1 and c2.

    n   = (w_c1 - w_c2) / ||w_c1 - w_c2||
    x   = H n                                             # eq. (10)
    y   = t-SNE(H - x n^T)                                # eq. (11)
    boundary: the vertical line x = -(b_c1 - b_c2) / ||w_c1 - w_c2||   # (12)

The side of the line is the answer of the classifier of the two: c1 on the
right. What a perturbation does to the logits does not show.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from mp_keras.few_shot import block_outputs
from mp_keras.few_shot import learner as learner_module

SUPPORT, NOISY, QUERY = "support", "noisy", "query"

_PERPLEXITY = 30.0  # scikit-learn's own
_COPIES = -2  # folded into the seed: other noise than that of the inner steps


@dataclasses.dataclass(frozen=True)
class BoundaryView:
    """Points of two classes, after a number of inner steps.

    Attributes:
        step: Int, how many inner steps have been taken.
        x: Array `(points,)`, the projection on the boundary's normal.
        y: Array `(points,)`, t-SNE of the remainder; the figures have no
            unit.
        boundary: Float, the x of the boundary.
        labels: Int array `(points,)`: 0, on the right, or 1.
        kinds: Array of str `(points,)`: "support", "noisy" (copies of support
            examples) or "query".
        examples: Int array `(points,)`: which example of its class, among
            the support or the query examples; a copy has its original's.
    """

    step: int
    x: np.ndarray
    y: np.ndarray
    boundary: float
    labels: np.ndarray
    kinds: np.ndarray
    examples: np.ndarray


def view_boundaries(
    learner,
    values,
    support,
    query,
    seed,
    classes,
    steps=None,
    copies=10,
    samples=30,
):
    """Returns a `BoundaryView` of each chosen number of inner steps.

    Args:
        learner: `FewShotLearner`.
        values: Dict from name to tensor, as its `values` returns it.
        support: Pair of the task's support images `(examples, height, width,
            channels)`, floats in [0, 1], and labels `(examples,)`.
        query: The same of its query examples.
        seed: Int array `(2,)`, of the noise.
        classes: Pair of different labels, c1 and c2.
        steps: Sequence of ints from 0 to `learner.inner_steps`, or None
            (default) for all of them.
        copies: Int >= 0, default 10: noisy copies of each support example.
            There are none where the inner steps draw nothing.
        samples: Int >= 1, default 30: noise samples of an inner step.

    Returns: list of `BoundaryView`, in the order of `steps`.
    Raises: ValueError, if `classes` or `steps` are not as above; ImportError,
        without scikit-learn.
    """
    steps = _checked_steps(learner, steps)
    _check_classes(learner, classes)
    if not learner.network.perturbation.STOCHASTIC:
        copies = 0
    views = []
    for step in steps:
        adapted = values
        if step:
            adapted, _ = _learner_of(learner, step).adapt(
                values, *support, seed, samples
            )
        features, *points = _collect(
            learner.network, adapted, support, query, seed, classes, copies
        )
        x, remainder, boundary = project(
            features,
            np.asarray(adapted["logits/kernel"]),
            np.asarray(adapted["logits/bias"]),
            classes,
        )
        y = _embed(remainder, int(np.asarray(seed)[0]))
        views.append(BoundaryView(step, x, y, boundary, *points))
    return views


def project(features, kernel, bias, classes):
    """Splits features at the boundary of two classes.

    Args:
        features: Float array `(points, features)`.
        kernel: Float array `(features, classes)` of the dense layer.
        bias: Float array `(classes,)`.
        classes: Pair of different labels, c1 and c2.

    Returns: `x` `(points,)`; what remains of the features `(points,
        features)`, orthogonal to the normal; the x of the boundary, a float.
    Raises: ValueError, if both classes have the same weights.
    """
    first, second = classes
    normal = kernel[:, first] - kernel[:, second]
    length = np.linalg.norm(normal)
    if not length > 0:
        raise ValueError(
            "Argument `classes` must be two with different weights. "
            f"Received: classes={tuple(classes)}"
        )
    normal = normal / length
    x = features @ normal
    remainder = features - np.outer(x, normal)
    return x, remainder, float(-(bias[first] - bias[second]) / length)


def _learner_of(learner, steps):
    """Returns one that takes so many inner steps, the first of the same."""
    return learner_module.FewShotLearner(
        learner.network,
        inner_steps=steps,
        inner_rate=learner.inner_rate,
        learn_rates=learner.learn_rates,
        first_order=learner.first_order,
        dtype=learner.dtype_policy,
    )


def _collect(network, values, support, query, seed, classes, copies):
    """Returns features, labels, kinds and examples of all points."""
    found = []
    for kind, (images, labels) in ((SUPPORT, support), (QUERY, query)):
        outputs = block_outputs.clean_outputs(network, values, images)
        found.append(_of_classes(outputs[-2].numpy(), labels, kind, classes))
    if copies:
        seed = tf.random.experimental.stateless_fold_in(
            tf.cast(seed, tf.int32), _COPIES
        )
        noisy = block_outputs.noisy_outputs(
            network, values, support[0], seed, copies
        )[-2]  # (copies, examples, features)
        found += [
            _of_classes(features.numpy(), support[1], NOISY, classes)
            for features in noisy
        ]
    return [np.concatenate(parts) for parts in zip(*found)]


def _of_classes(features, labels, kind, classes):
    """Returns what there is of the two classes, class by class."""
    rows = [np.flatnonzero(np.asarray(labels) == label) for label in classes]
    counts = [len(each) for each in rows]
    return (
        features[np.concatenate(rows)],
        np.repeat([0, 1], counts),
        np.repeat(kind, sum(counts)),
        np.concatenate([np.arange(count) for count in counts]),
    )


def _embed(remainder, seed):
    """Returns t-SNE coordinates `(points,)`."""
    try:
        from sklearn import manifold
    except ImportError as error:
        raise ImportError(
            "Decision boundaries need the package scikit-learn: "
            "pip install scikit-learn"
        ) from error
    embedding = manifold.TSNE(
        n_components=1,
        perplexity=min(_PERPLEXITY, (len(remainder) - 1) / 3),
        init="random",
        method="exact",
        random_state=seed % 2**32,
    )
    return embedding.fit_transform(remainder.astype("float64"))[:, 0]


def _checked_steps(learner, steps):
    known = range(learner.inner_steps + 1)
    steps = list(known if steps is None else steps)
    if not steps or any(step not in known for step in steps):
        raise ValueError(
            "Argument `steps` must hold ints from 0 to "
            f"{learner.inner_steps}, at least one. Received: steps={steps}"
        )
    return steps


def _check_classes(learner, classes):
    known = range(learner.network.classes)
    if len(set(classes)) != 2 or any(label not in known for label in classes):
        raise ValueError(
            "Argument `classes` must be two different labels in "
            f"[0, {learner.network.classes}). Received: classes={classes}"
        )
