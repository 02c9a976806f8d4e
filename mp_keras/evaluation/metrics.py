"""The metrics that we report of a classifier (tables 1, 2 and 4)."""

import keras
import numpy as np

from mp_keras import annotations
from mp_keras.evaluation import calibration

_SUM_TOLERANCE = 0.02  # of probabilities in bfloat16


def classification_metrics(
    probabilities: annotations.Array, labels: annotations.Array
) -> dict[str, float]:
    """Returns accuracy, likelihood, calibration error and Brier score.

    Its earlier name, `classification_figures`, still works.

    Args:
        probabilities: Array `(examples, classes)`; rows sum to 1.
        labels: Integer array `(examples,)`.

    Returns: dict of floats: `accuracy` in percent; `negative_log_likelihood`
        in nats, mean over the examples; `expected_calibration_error` in
        percent, 15 bins; `brier_score`, in [0, 2]: the sum over classes of the
        squared difference to the truth, mean over the examples (Brier, 1950).
    Raises: as `check_predictions`.
    """
    rows, truth = check_predictions(probabilities, labels)
    error = calibration.ExpectedCalibrationError()
    error.update_state(truth, rows)
    likelihood = rows[np.arange(truth.size), truth]
    floor = keras.config.epsilon()  # a probability of 0 stays finite
    losses = -np.log(np.maximum(likelihood.astype("float64"), floor))
    truths = np.eye(rows.shape[1])[truth]  # (examples, classes)
    hits = np.argmax(rows, axis=1) == truth
    return {
        "accuracy": 100 * float(np.mean(hits)),
        "negative_log_likelihood": float(np.mean(losses)),
        "expected_calibration_error": 100 * float(error.result()),
        "brier_score": float(np.mean(np.sum((rows - truths) ** 2, axis=1))),
    }


classification_figures = classification_metrics  # the earlier name


def check_predictions(probabilities, labels):
    """Returns both as arrays, or says what is wrong with them.

    Args:
        probabilities: Array `(examples, classes)`; rows sum to 1.
        labels: Integer array `(examples,)`.

    Raises: ValueError, if the shapes disagree, there is no example or one
        class alone, a label is no class, or the rows are no probabilities;
        FloatingPointError, if a probability is not finite.
    """
    probabilities, labels = np.asarray(probabilities), np.asarray(labels)
    if (
        probabilities.ndim != 2
        or labels.shape != probabilities.shape[:1]
        or not labels.size
        or probabilities.shape[1] < 2
    ):
        raise ValueError(
            "Arguments `probabilities` and `labels` must be (examples, "
            "classes) and (examples,), with an example at least and two "
            "classes or more. Received: "
            f"shapes {probabilities.shape} and {labels.shape}"
        )
    classes = probabilities.shape[1]
    if (
        labels.dtype.kind not in "iu"
        or labels.min() < 0
        or labels.max() >= classes
    ):
        raise ValueError(
            f"Argument `labels` must hold integers in [0, {classes}). "
            f"Received: labels={np.unique(labels)[:10]}"
        )
    check_finite(probabilities)
    sums = probabilities.astype("float64").sum(axis=1)
    if probabilities.min() < 0 or np.abs(sums - 1).max() > _SUM_TOLERANCE:
        raise ValueError(
            "Argument `probabilities` must have rows of numbers from 0 on "
            "that sum to 1; of logits, take the softmax. Received: numbers "
            f"from {probabilities.min():g}, sums from {sums.min():g} to "
            f"{sums.max():g}"
        )
    return probabilities, labels


def check_finite(probabilities):
    """Raises FloatingPointError, if a probability is not finite.

    NaN is no largest probability: metrics of it would look like any others.

    Args:
        probabilities: Array `(examples, classes)`.
    """
    broken = ~np.all(np.isfinite(probabilities), axis=1)
    if np.any(broken):
        raise FloatingPointError(
            "Argument `probabilities` must be finite. Received: other numbers "
            f"in {np.sum(broken)} of {len(broken)} rows"
        )
