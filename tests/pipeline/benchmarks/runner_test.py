"""Each part on its smallest case, in processes of its own, and the limits."""

import re

import pytest

from configs.benchmark import default
from pipeline.benchmarks import processes
from pipeline.benchmarks import runner
from pipeline.benchmarks import tables

_CASE = {"network": "conv4", "image_size": 16, "batch_size": 4}
_PARTS = {
    "training_step": {**_CASE, "rounds": 3},
    "meta_step": {**_CASE, "tasks": [1, 2], "steps": 1},
    "prediction": {**_CASE, "examples": 6, "samples": 3, "rounds": 1},
    "input_pipeline": {
        "image_sizes": [32],
        "batch_size": 8,
        "examples": 20,
        "steps": 3,
    },
    "position": {"batch_size": 2, "rounds": 1, "shapes": {"4x8": [4, 8]}},
    "applications": {
        "networks": {"VGG16": 32},
        "batch_size": 2,
        "rounds": 2,
    },
    "large_source": {
        **_CASE,
        "memory_gib": [0.002, 0.004],
        "speed_gib": 0.002,
        "classes": 4,
        "tasks": 2,
        "steps": 1,
        "rounds": 1,
    },
}


@pytest.fixture(scope="module")
def results():
    return runner.measure(_PARTS)


@pytest.mark.long  # twelve processes
class MeasureTest:
    def test_every_part_but_determinism_is_measured(self, results):
        assert tuple(results) == tuple(_PARTS) == runner.PARTS[:-1]

    def test_step_ratio_is_of_perturbed_to_plain(self, results):
        measured = results["training_step"]
        quotient = (
            measured["perturbed"]["median_ms"] / measured["plain"]["median_ms"]
        )
        low, high = measured["ratio"]["quartiles"]
        assert 0.5 * low < quotient < 2 * high
        assert measured["backend"] == "tensorflow"

    def test_meta_step_has_a_row_for_each_number_of_tasks(self, results):
        measured = results["meta_step"]
        assert [row["tasks"] for row in measured["rows"]] == [1, 2]
        for row in measured["rows"]:
            assert row["per_task_ms"] == row["step_ms"] / row["tasks"]
            assert row["data_mb"] == pytest.approx(
                row["tasks"] * 2 * 4 * 16 * 16 * 3 * 4 / 1e6
            )
            assert 50 < row["peak_mb"] < 4000

    def test_images_a_second_follow_from_the_batch(self, results):
        measured = results["input_pipeline"]["32"]
        expected = 8 * 1000 / measured["batch"]["median_ms"]
        assert measured["images_per_s"] == pytest.approx(expected)

    def test_parts_of_a_position_are_less_than_all_of_it(self, results):
        (parts,) = results["position"].values()
        assert set(parts) >= {"noise_mean", "draws", "multiply", "scale"}
        assert parts["multiply"]["median_ms"] < parts["position"]["median_ms"]

    def test_applications_have_their_positions(self, results):
        (figures,) = results["applications"].values()
        assert figures["positions"] == 13
        assert figures["image_size"] == 32
        low, high = figures["ratio"]["quartiles"]
        assert 0 < low <= high

    def test_sources_on_disk_have_memory_and_times(self, results):
        measured = results["large_source"]
        assert set(measured["memory"]) == {"0.002", "0.004"}
        assert set(measured["speed"]) == {"memory", "warm", "cold"}
        assert all(50 < mib < 4000 for mib in measured["memory"].values())
        assert all(0 < step for step in measured["speed"].values())

    def test_tables_show_every_part(self, results):
        text = tables.tables({**results, "machine": "a machine"})
        titles = ("training step", "meta-training step", "Monte Carlo", "VGG16")
        for title in titles:
            assert title in text
        ratio = results["prediction"]["ratio"]["median"]
        assert f"{ratio:.2f} (" in text
        rows = [line for line in text.splitlines() if line.startswith("|")]
        columns = {len(re.findall(r"\|", row)) for row in rows}
        assert columns == {3, 4, 5, 7, 9}

    def test_unknown_part_is_named(self):
        with pytest.raises(ValueError, match="meta_step.*Received.*'steps'"):
            runner.measure({"steps": {}})

    def test_failing_process_gives_its_last_line(self):
        settings = {**_PARTS["prediction"], "network": "conv5"}
        with pytest.raises(ChildProcessError, match="'conv5'.*conv4"):
            processes.run("pipeline.benchmarks.prediction", settings)


class LimitsTest:
    def test_exceeded_ones_are_listed(self):
        found = {"a": {"b": {"median": 1.5}, "c": 2.5}}
        lines = runner.exceeded(found, {"a/b/median": 1.6, "a/c": 2.0})
        assert lines == ["a/c is 2.50, more than 2.0"]

    def test_a_figure_that_is_no_number_exceeds_any(self):
        assert runner.exceeded({"a": float("nan")}, {"a": 2.0})

    @pytest.mark.long
    def test_limits_of_the_config_name_what_is_measured(self, results):
        config = default.get_config("check")
        assert set(config.parts) <= set(_PARTS)
        limits = config.limits.to_dict()
        assert len(limits) == 4
        assert not runner.exceeded(results, dict.fromkeys(limits, 1e6))


class ConfigTest:
    def test_parts_are_those_of_the_runner(self):
        assert set(default.get_config().parts) == set(runner.PARTS)

    def test_unknown_argument_is_refused(self):
        with pytest.raises(ValueError, match="full or check.*'quick'"):
            default.get_config("quick")
