"""Reliability diagrams: accuracy against confidence (figures 5 (d) and 9)."""

import dataclasses

import numpy as np
from keras import ops

from mp_keras import annotations
from mp_keras.evaluation import calibration
from mp_keras.evaluation import metrics


@dataclasses.dataclass(frozen=True)
class ReliabilityCurve:
    """Examples, confidence and accuracy in equally wide bins of confidence.

    Attributes:
        count: Array `(bins,)`: examples of each bin.
        confidence: Array `(bins,)`: their mean confidence in [0, 1]; NaN in an
            empty bin.
        accuracy: Array `(bins,)`: the share of them that is right, in [0, 1];
            NaN in an empty bin.
    """

    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    def expected_calibration_error(self) -> float:
        """Returns the calibration error in [0, 1], as the metric counts it."""
        gaps = np.abs(self.accuracy - self.confidence)
        full = self.count > 0
        return float(np.average(gaps[full], weights=self.count[full]))


def reliability_curve(
    probabilities: annotations.Array, labels: annotations.Array, bins: int = 15
) -> ReliabilityCurve:
    """Returns the curve of predicted probabilities.

    The bins are those of `ExpectedCalibrationError`.

    Args:
        probabilities: Array `(examples, classes)`; rows sum to 1.
        labels: Integer array `(examples,)`.
        bins: Int >= 1, default 15.

    Raises: as `metrics.check_predictions`; ValueError, if `bins` is not a
        positive integer.
    """
    probabilities, labels = metrics.check_predictions(probabilities, labels)
    metric = calibration.ExpectedCalibrationError(bins)
    metric.update_state(labels, probabilities)
    count, correct, confidence = (
        ops.convert_to_numpy(total).astype("float64")
        for total in (metric.count, metric.correct, metric.confidence)
    )
    members = np.where(count > 0, count, np.nan)
    return ReliabilityCurve(
        count=count.astype("int64"),
        confidence=confidence / members,
        accuracy=correct / members,
    )
