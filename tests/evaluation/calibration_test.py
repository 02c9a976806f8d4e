"""Expected calibration error against a loop over bins."""

import keras
import numpy as np
import pytest

import mp_keras


def by_loop(labels, probabilities, bins=15, weights=None):
    """The error by its definition, bin after bin, in float64."""
    weights = np.ones(len(labels)) if weights is None else weights
    confidence = probabilities.max(axis=1).astype("float64")
    correct = probabilities.argmax(axis=1) == labels
    error = 0.0
    for index in range(bins):
        inside = confidence > index / bins
        inside &= confidence <= (index + 1) / bins
        share = weights[inside].sum() / weights.sum()
        if share:
            accuracy = np.average(correct[inside], weights=weights[inside])
            mean = np.average(confidence[inside], weights=weights[inside])
            error += share * abs(accuracy - mean)
    return error


def predictions(count=200, classes=5, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, classes)).astype("float32")
    powers = np.exp(logits)
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    return rng.integers(0, classes, count), logits, probabilities


def error_of(labels, outputs, weights=None, **arguments):
    metric = mp_keras.ExpectedCalibrationError(**arguments)
    metric.update_state(labels, outputs, weights)
    return float(metric.result())


class ExpectedCalibrationErrorTest:
    @pytest.mark.parametrize("bins", [1, 7, 15, 100])
    def test_equals_the_loop(self, bins):
        labels, logits, probabilities = predictions()
        expected = by_loop(labels, probabilities, bins)
        assert expected > 0.05
        actual = error_of(labels, probabilities, bins=bins)
        np.testing.assert_allclose(actual, expected, atol=1e-6)
        actual = error_of(labels, logits, bins=bins, from_logits=True)
        np.testing.assert_allclose(actual, expected, atol=1e-6)

    @pytest.mark.parametrize("bins", [5, 10, 15])
    def test_a_bin_ends_with_its_upper_edge(self, bins):
        for edge in range(1, bins):
            lower, upper = edge / bins, edge / bins + 0.01
            outputs = np.array([[lower, 0], [upper, 0]], "float32")
            # A bin of its own for each: |1 - lower| and |0 - upper|.
            actual = error_of([0, 1], outputs, bins=bins)
            np.testing.assert_allclose(actual, 0.505, atol=1e-6)

    @pytest.mark.parametrize(
        ("confidence", "label", "expected"),
        [(1.0, 0, 0.0), (1.0, 1, 1.0), (0.0, 0, 1.0), (0.0, 1, 0.0)],
    )
    def test_certain_and_empty_predictions(self, confidence, label, expected):
        actual = error_of([label], np.array([[confidence, 0.0]]))
        np.testing.assert_allclose(actual, expected, atol=1e-7)

    @pytest.mark.parametrize("confidence", [1.0, 1.0 + 2**-22, 1.0 + 1e-3])
    def test_all_in_the_last_bin(self, confidence):
        """14 bins are empty; rounding may leave a sum of samples above 1."""
        outputs = np.tile(np.float32([confidence, 0.0]), (50, 1))
        metric = mp_keras.ExpectedCalibrationError()
        metric.update_state(np.zeros(50), outputs)
        np.testing.assert_array_equal(metric.count, [0] * 14 + [50])
        np.testing.assert_allclose(metric.result(), confidence - 1, atol=1e-6)

    @pytest.mark.parametrize("logit", [1e4, 1e30])
    def test_huge_logits_are_a_sure_answer(self, logit):
        assert error_of([1], [[0.0, logit]], from_logits=True) == 0.0

    def test_batches_add_up(self):
        labels, _, probabilities = predictions()
        weights = np.random.default_rng(1).random(200)
        metric = mp_keras.ExpectedCalibrationError()
        for start in range(0, 200, 64):
            part = slice(start, start + 64)
            metric.update_state(
                labels[part], probabilities[part], weights[part]
            )
        expected = by_loop(labels, probabilities, weights=weights)
        np.testing.assert_allclose(metric.result(), expected, atol=1e-6)

    def test_whole_weights_are_repetitions(self):
        labels, _, probabilities = predictions(count=30)
        weights = np.random.default_rng(1).integers(0, 4, 30)
        expected = by_loop(
            np.repeat(labels, weights), np.repeat(probabilities, weights, 0)
        )
        actual = error_of(labels, probabilities, weights)
        np.testing.assert_allclose(actual, expected, atol=1e-6)

    def test_nothing_seen_and_reset(self):
        metric = mp_keras.ExpectedCalibrationError()
        assert float(metric.result()) == 0
        metric.update_state([1], [[0.9, 0.1]])
        np.testing.assert_allclose(metric.result(), 0.9, atol=1e-6)
        metric.reset_state()
        assert float(metric.result()) == 0

    def test_labels_in_a_column(self):
        labels, _, probabilities = predictions(count=20)
        column = labels[:, None].astype("float32")
        assert error_of(column, probabilities) == error_of(
            labels, probabilities
        )

    @pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
    def test_one_hot_labels(self, dtype):
        labels, _, probabilities = predictions(count=20)
        weights = np.random.default_rng(1).random(20)
        actual = error_of(
            np.eye(5, dtype=dtype)[labels], probabilities, weights
        )
        expected = by_loop(labels, probabilities, weights=weights)
        np.testing.assert_allclose(actual, expected, atol=1e-6)

    def test_soft_labels_are_their_largest(self):
        soft = [[0.4, 0.35, 0.25], [0.1, 0.2, 0.7]]
        outputs = [[0.8, 0.1, 0.1], [0.8, 0.1, 0.1]]
        np.testing.assert_allclose(error_of(soft, outputs), 0.3, atol=1e-6)

    @pytest.mark.parametrize("shape", [(4, 3), (3,), (1,), (4, 2, 1), (3, 1)])
    def test_labels_of_other_shapes_raise(self, shape):
        error = mp_keras.ExpectedCalibrationError()
        with pytest.raises(ValueError, match=f"one-hot.*{shape[-1]},?\\)$"):
            error.update_state(np.zeros(shape), np.full((4, 2), 0.5))

    def test_config_round_trip(self):
        metric = mp_keras.ExpectedCalibrationError(9, True, name="ece")
        config = metric.get_config()
        again = mp_keras.ExpectedCalibrationError.from_config(config)
        assert again.get_config() == config
        assert (again.bins, again.from_logits, again.name) == (9, True, "ece")

    @pytest.mark.parametrize("one_hot", [False, True])
    def test_metric_of_a_compiled_model(self, one_hot):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        metric = mp_keras.ExpectedCalibrationError(from_logits=True)
        loss = keras.losses.SparseCategoricalCrossentropy
        if one_hot:
            loss = keras.losses.CategoricalCrossentropy
        model.compile(loss=loss(from_logits=True), metrics=[metric])
        x = np.random.default_rng(0).normal(0, 3, (50, 4))
        labels = np.arange(50) % 3
        logs = model.evaluate(
            x,
            np.eye(3)[labels] if one_hot else labels,
            batch_size=16,
            verbose=0,
            return_dict=True,
        )
        outputs = keras.ops.softmax(model.predict(x, verbose=0))
        expected = by_loop(labels, keras.ops.convert_to_numpy(outputs))
        np.testing.assert_allclose(
            logs["expected_calibration_error"], expected, atol=1e-6
        )

    @pytest.mark.parametrize("shape", [(4, 1), (4,), (4, 2, 3)])
    def test_one_column_is_no_classes(self, shape):
        error = mp_keras.ExpectedCalibrationError()
        with pytest.raises(ValueError, match="two or more classes"):
            error.update_state([0, 1, 0, 1], np.full(shape, 0.5))

    @pytest.mark.parametrize("bins", [0, -1, 2.5, None])
    def test_bins_must_be_positive(self, bins):
        with pytest.raises(ValueError, match="`bins` must be a positive int"):
            mp_keras.ExpectedCalibrationError(bins)
