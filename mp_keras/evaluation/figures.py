"""The three figures that we report of a classifier (tables 1, 2 and 4)."""

import keras
import numpy as np

from mp_keras import annotations
from mp_keras.evaluation import calibration


def classification_figures(
    probabilities: annotations.Array, labels: annotations.Array
) -> dict[str, float]:
    """Returns accuracy, negative log-likelihood and calibration error.

    Args:
        probabilities: Array `(examples, classes)`; rows sum to 1.
        labels: Integer array `(examples,)`.

    Returns: dict of floats: `accuracy` in percent; `negative_log_likelihood`
        in nats, mean over the examples; `expected_calibration_error` in
        percent, 15 bins.
    Raises: ValueError, if the shapes disagree, a label is out of range or
        there is no example; FloatingPointError, if a probability is not
        finite.
    """
    probabilities, labels = np.asarray(probabilities), np.asarray(labels)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(
            "Arguments must be (examples, classes) and (examples,). Received: "
            f"shapes {probabilities.shape} and {labels.shape}"
        )
    classes = probabilities.shape[1]
    if not labels.size or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"Argument `labels` must hold integers in [0, {classes}), at "
            f"least one. Received: labels={np.unique(labels)[:10]}"
        )
    check_finite(probabilities)
    error = calibration.ExpectedCalibrationError()
    error.update_state(labels, probabilities)
    likelihood = probabilities[np.arange(labels.size), labels]
    floor = keras.config.epsilon()  # a probability of 0 stays finite
    losses = -np.log(np.maximum(likelihood.astype("float64"), floor))
    hits = np.argmax(probabilities, axis=1) == labels
    return {
        "accuracy": 100 * float(np.mean(hits)),
        "negative_log_likelihood": float(np.mean(losses)),
        "expected_calibration_error": 100 * float(error.result()),
    }


def check_finite(probabilities):
    """Raises FloatingPointError, if a probability is not finite.

    NaN is no largest probability: figures of it would look like figures.

    Args:
        probabilities: Array `(examples, classes)`.
    """
    broken = ~np.all(np.isfinite(probabilities), axis=1)
    if np.any(broken):
        raise FloatingPointError(
            "Argument `probabilities` must be finite. Received: other numbers "
            f"in {np.sum(broken)} of {len(broken)} rows"
        )
