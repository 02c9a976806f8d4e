"""Reliability curves, by hand and against the calibration metric."""

import numpy as np
import pytest

import mp_keras
from mp_keras.evaluation import reliability


def draw_predictions(count=300, classes=6):
    rng = np.random.default_rng(0)
    powers = np.exp(rng.normal(0, 2, (count, classes)))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    return probabilities.astype("float32"), rng.integers(0, classes, count)


class ReliabilityCurveTest:
    def test_bins_are_filled_as_by_hand(self):
        probabilities = [[0.6, 0.4], [0.3, 0.7], [0.0, 1.0], [0.25, 0.75]]
        curve = reliability.reliability_curve(probabilities, [0, 0, 1, 0], 4)
        # 0.6, 0.7 and 0.75 lie in (0.5, 0.75]: one hit of three.
        np.testing.assert_array_equal(curve.count, [0, 0, 3, 1])
        confidence = [np.nan, np.nan, (0.6 + 0.7 + 0.75) / 3, 1]
        np.testing.assert_allclose(curve.confidence, confidence, rtol=1e-6)
        accuracy = [np.nan, np.nan, 1 / 3, 1]
        np.testing.assert_allclose(curve.accuracy, accuracy, rtol=1e-6)
        error = curve.expected_calibration_error()
        assert error == pytest.approx(0.75 * (2.05 / 3 - 1 / 3))

    @pytest.mark.parametrize("bins", [1, 7, 15])
    def test_error_of_the_curve_is_the_metric(self, bins):
        probabilities, labels = draw_predictions()
        curve = reliability.reliability_curve(probabilities, labels, bins)
        metric = mp_keras.ExpectedCalibrationError(bins)
        metric.update_state(labels, probabilities)
        assert len(curve.count) == bins
        assert curve.count.sum() == 300
        assert float(metric.result()) > 0.05
        error = curve.expected_calibration_error()
        assert error == pytest.approx(float(metric.result()), rel=1e-5)

    @pytest.mark.parametrize("labels", [[0], [[0], [1]], []])
    def test_shapes_must_agree(self, labels):
        with pytest.raises(ValueError, match=r"Received: shapes \(2, 2\)"):
            reliability.reliability_curve([[0.5, 0.5], [1, 0]], labels)

    def test_wrong_arguments_raise(self):
        with pytest.raises(ValueError, match="an example at least"):
            reliability.reliability_curve(np.zeros((0, 3)), [])
        with pytest.raises(ValueError, match="`bins` must be a positive int"):
            reliability.reliability_curve([[0.5, 0.5]], [0], bins=0)
        with pytest.raises(FloatingPointError, match="in 1 of 2 rows"):
            reliability.reliability_curve([[0.5, 0.5], [np.nan, 1]], [0, 1])
