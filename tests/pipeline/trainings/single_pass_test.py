"""Whether a run's classifier may lose its noise, from files by hand."""

import json

import pytest

from pipeline.trainings import single_pass
from tests import small_networks

METRICS = {
    "accuracy": 43.75,
    "negative_log_likelihood": 1.5,
    "expected_calibration_error": 3.25,
    "brier_score": 0.7,
}


@pytest.fixture
def write(tmp_path):
    """Writes a run whose network gains `mean` ± `half_width` by one pass."""

    def write(mean, half_width):
        small_networks.make_network(stochastic=False).save(
            tmp_path / "deterministic.keras"
        )
        gain = {"mean": mean, "half_width": half_width}
        single = {**METRICS, "accuracy": 40.5}
        single["against_samples"] = {"accuracy_gain": gain}
        result = {**METRICS, "samples": 30, "deterministic": single}
        (tmp_path / "result.json").write_text(json.dumps(result))
        return tmp_path

    return write


class LoadTest:
    def test_says_what_both_forms_are_worth(self, write):
        network, report = single_pass.load(write(-3.25, 1.5))
        assert len(network.layers) > 2
        many, one, difference = report.splitlines()
        assert many == (
            "30 passes with noise: accuracy 43.8 %, 1.500 nats, calibration "
            "error 3.2 %, Brier score 0.700"
        )
        assert one.startswith("1 pass without noise: accuracy 40.5 %")
        assert "-3.25 ± 1.50 points" in difference

    def test_interval_beyond_two_points_is_refused(self, write):
        folder = write(-3.25, 1.24)
        with pytest.raises(ValueError, match=r"2 points(.|\n)*-3.25 ± 1.24"):
            single_pass.load(folder)
        _, report = single_pass.load(folder, allow_loss=True)
        assert "-3.25 ± 1.24" in report

    def test_older_run_is_taken_on_demand(self, tmp_path):
        small_networks.make_network().save(tmp_path / "model.keras")
        with pytest.raises(ValueError, match="without deterministic.keras"):
            single_pass.load(tmp_path)
        network, report = single_pass.load(tmp_path, allow_loss=True)
        assert "not known" in report and network.layers

    def test_no_run_is_named(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="must have a model.keras"):
            single_pass.load(tmp_path)
