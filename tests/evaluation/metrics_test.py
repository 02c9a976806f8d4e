"""The metrics against values worked out by hand."""

import numpy as np
import pytest

import mp_keras


class ClassificationMetricsTest:
    def test_earlier_name_is_the_same_function(self):
        earlier = mp_keras.classification_figures
        assert earlier is mp_keras.classification_metrics

    def test_hand_worked_values(self):
        probabilities = [
            [0.8, 0.1, 0.1],  # right
            [0.8, 0.1, 0.1],  # wrong: class 1
            [0.0, 0.5, 0.5],  # right: the first of two equal ones
            [0.0, 0.0, 1.0],  # right
        ]
        metrics = mp_keras.classification_metrics(probabilities, [0, 1, 1, 2])
        assert metrics["accuracy"] == 75.0
        loss = -np.log(0.8 * 0.1 * 0.5 * 1.0) / 4
        np.testing.assert_allclose(
            metrics["negative_log_likelihood"], loss, rtol=1e-6
        )
        # Bins: 0.8 twice, half right; 0.5 right; 1.0 right.
        error = 100 * (2 * abs(0.5 - 0.8) + abs(1 - 0.5) + 0) / 4
        np.testing.assert_allclose(
            metrics["expected_calibration_error"], error, rtol=1e-5
        )
        assert list(metrics) == [
            "accuracy",
            "negative_log_likelihood",
            "expected_calibration_error",
            "brier_score",
        ]
        # Squares: 0.2, 0.1, 0.1; 0.8, 0.9, 0.1; 0, 0.5, 0.5; none.
        np.testing.assert_allclose(
            metrics["brier_score"], (0.06 + 1.46 + 0.5 + 0) / 4, rtol=1e-6
        )
        assert {type(value) for value in metrics.values()} == {float}

    def test_sure_and_wrong_stays_finite(self):
        metrics = mp_keras.classification_metrics([[1.0, 0.0]], [1])
        assert metrics["accuracy"] == 0.0
        np.testing.assert_allclose(
            metrics["negative_log_likelihood"], -np.log(1e-7), rtol=1e-6
        )
        np.testing.assert_allclose(
            metrics["expected_calibration_error"], 100.0, rtol=1e-6
        )

    @pytest.mark.parametrize(
        ("shape", "labels", "message"),
        [
            ((2, 3), [0], r"shapes \(2, 3\) and \(1,\)"),
            ((2,), [0, 1], r"shapes \(2,\)"),
            ((2, 3), [[0], [1]], r"and \(2, 1\)"),
            ((2, 3), [0, 3], r"in \[0, 3\)(.|\n)*3\]"),
            ((2, 3), [-1, 0], r"in \[0, 3\)(.|\n)*-1"),
            ((0, 3), [], "an example at least"),
            ((2, 1), [0, 0], "two classes or more"),
            ((2, 3), [0.0, 1.0], "must hold integers"),
        ],
    )
    def test_wrong_arguments_raise(self, shape, labels, message):
        with pytest.raises(ValueError, match=message):
            mp_keras.classification_metrics(np.full(shape, 1 / 3), labels)

    @pytest.mark.parametrize(
        "row", [[0.9, 0.9], [1.5, -0.5], [-2.0, 3.0], [0.2, 0.2]]
    )
    def test_logits_are_no_probabilities(self, row):
        rows = [[0.5, 0.5], row]
        with pytest.raises(ValueError, match="sum to 1; of logits"):
            mp_keras.classification_metrics(rows, [0, 1])
        with pytest.raises(ValueError, match="sum to 1; of logits"):
            mp_keras.reliability_curve(rows, [0, 1])

    @pytest.mark.parametrize("number", [np.nan, np.inf])
    def test_numbers_that_are_not_finite_raise(self, number):
        message = "must be finite. Received: other numbers in 1 of 3 rows"
        probabilities = np.full((3, 2), 0.5)
        probabilities[1, 0] = number
        with pytest.raises(FloatingPointError, match=message):
            mp_keras.classification_metrics(probabilities, [0, 1, 0])
