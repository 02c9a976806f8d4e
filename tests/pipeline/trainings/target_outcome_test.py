"""How a trained network is judged, against arithmetic by hand."""

import numpy as np
import pytest

import mp_keras
from mp_keras.evaluation import temperature
from pipeline.trainings import target_outcome
from tests import small_networks

LABELS = np.arange(12) % small_networks.CLASSES


@pytest.fixture(scope="module")
def images():
    drawn = small_networks.draw_images(12, 8, 8, 3)
    return np.clip(127 + 60 * drawn, 0, 255).astype("uint8")


class JudgeTest:
    def test_both_sides_of_the_temperature_are_those_of_the_model(self, images):
        network = small_networks.make_network()
        pair = images, LABELS
        judged = target_outcome.judge(network, pair, pair, 5)
        value = temperature.temperature_of(judged.network)
        assert judged.metrics["temperature"] == value != 1.0
        prepared = target_outcome.normalized(images)
        for model, found, name in (
            (judged.network, judged.metrics, "test"),
            (
                network,
                judged.metrics["before_temperature"],
                "test_before_temperature",
            ),
        ):
            expected = mp_keras.monte_carlo_predict(model, prepared, 5)
            np.testing.assert_allclose(
                judged.probabilities[name], expected, rtol=1e-4
            )
            metrics = mp_keras.classification_metrics(expected, LABELS)
            for key, number in metrics.items():
                assert found[key] == pytest.approx(number, rel=1e-4)
        validation = judged.metrics["validation"]
        assert (
            validation["negative_log_likelihood"]
            < validation["before_temperature"]["negative_log_likelihood"]
        )

    def test_given_temperature_is_taken_as_it_is(self, images):
        network = small_networks.make_network()
        pair = images, LABELS
        for validation in (None, pair):
            judged = target_outcome.judge(network, pair, validation, 5, 3.0)
            assert temperature.temperature_of(judged.network) == 3.0
            assert judged.metrics["temperature"] == 3.0
            assert ("validation" in judged.metrics) == (validation is pair)
            expected = mp_keras.monte_carlo_predict(
                judged.network, target_outcome.normalized(images), 5
            )
            np.testing.assert_allclose(
                judged.probabilities["test"], expected, rtol=1e-4
            )

    def test_many_images_are_predicted_in_parts(self, images, monkeypatch):
        network = small_networks.make_network()
        test = np.tile(images, (44, 1, 1, 1)), np.tile(LABELS, 44)  # 528
        whole = target_outcome.judge(network, test, None, 2)
        monkeypatch.setattr(target_outcome, "_CHUNK_BYTES", 1)
        parts = target_outcome.judge(network, test, None, 2)
        np.testing.assert_allclose(
            parts.probabilities["test"],
            whole.probabilities["test"],
            rtol=1e-4,
        )

    def test_without_validation_there_is_no_temperature(self, images):
        network = small_networks.make_network()
        judged = target_outcome.judge(network, (images, LABELS), None, 2)
        assert judged.metrics["temperature"] is None
        assert judged.metrics["before_temperature"] is None
        assert "validation" not in judged.metrics
        assert temperature.temperature_of(judged.network) is None
        assert list(judged.probabilities) == ["test"]


class CompareTest:
    def test_pairs_by_hand(self):
        single = np.array([[0.5, 0.5], [0.25, 0.75], [0.9, 0.1], [0.1, 0.9]])
        sampled = np.array([[0.5, 0.5], [0.75, 0.25], [0.9, 0.1], [0.1, 0.9]])
        found = target_outcome.compare(single, sampled, np.array([0, 0, 0, 0]))
        # One image of four is lost: -100, 0, 0, 0.
        assert found["accuracy_gain"]["mean"] == -25
        half_width = 1.96 * 100 * np.sqrt(3 / 16) / 2
        assert found["accuracy_gain"]["half_width"] == pytest.approx(half_width)
        divergence = (0.75 * np.log(3) - 0.25 * np.log(3)) / 4
        assert found["kl_divergence"] == pytest.approx(divergence)


class SavePredictionsTest:
    def test_metrics_can_be_had_again(self, images, tmp_path):
        network = small_networks.make_network()
        pair = images, LABELS
        judged = target_outcome.judge(network, pair, pair, 2)
        path = tmp_path / "predictions.npz"
        labels = {"test": LABELS, "validation": LABELS}
        target_outcome.save_predictions(path, labels, monte_carlo=judged)
        with np.load(path) as stored:
            arrays = dict(stored)
        logs = arrays["monte_carlo_test"]
        assert logs.dtype == "float16"
        np.testing.assert_array_equal(arrays["validation_labels"], LABELS)
        likelihood = -np.mean(logs[np.arange(12), arrays["test_labels"]])
        assert likelihood == pytest.approx(
            judged.metrics["negative_log_likelihood"], rel=2e-3
        )
