"""Measures of a cell: kept, and honest about what is missing."""

import pytest

from configs.experiments import base
from mp_keras import files
from pipeline.experiments import measures
from pipeline.experiments import runner
from pipeline.experiments import target_measures
from tests.pipeline.experiments import tiny

pytestmark = pytest.mark.usefixtures("eagerly")


class MeasureTest:
    def test_is_made_once_for_its_settings(self, source, tmp_path, monkeypatch):
        config = tiny.make_config(
            source, [base.row("Base", "base")], measure_names=("reliability",)
        )
        config.measures.reliability = {"bins": 5}
        summary = runner.reproduce(config, tmp_path)
        assert summary["failures"] == {}
        (file,) = tmp_path.glob("cells/*/measures/*.json")
        measured = files.read_json(file)
        assert len(measured["count"]) == 5
        assert sum(measured["count"]) == 20  # test images
        monkeypatch.setitem(
            target_measures.MEASURES, "reliability", lambda *a, **k: 1 / 0
        )
        again = runner.reproduce(config, tmp_path)
        assert (again["failures"], again["finished"]) == ({}, 1)
        config.measures.reliability.bins = 6
        failures = runner.reproduce(config, tmp_path)["failures"]
        assert "ZeroDivisionError" in str(failures)

    def test_a_column_has_settings_of_its_own(self, source, tmp_path):
        config = tiny.make_config(
            source, [base.row("Base", "base")], measure_names=("reliability",)
        )
        config.measures.reliability = {"bins": 5}
        config.columns[0].measures.update({"reliability": {"bins": 3}})
        assert runner.reproduce(config, tmp_path)["finished"] == 1
        (file,) = tmp_path.glob("cells/*/measures/*.json")
        assert len(files.read_json(file)["count"]) == 3

    def test_convergence_needs_tracked_runs(self, source, tmp_path):
        config = tiny.make_config(
            source, [base.row("Base", "base")], measure_names=("convergence",)
        )
        failures = runner.reproduce(config, tmp_path)["failures"]
        assert "track_test" in str(failures)

    @pytest.mark.parametrize(
        ("count", "wanted", "expected"),
        [(5, 0, [0, 1, 2, 3, 4]), (5, 9, [0, 1, 2, 3, 4]), (9, 3, [0, 4, 8])],
    )
    def test_chosen_images_are_spread(self, count, wanted, expected):
        assert target_measures._spread(count, wanted).tolist() == expected


class CheckKindsTest:
    def test_kinds_belong_to_a_kind_of_run(self):
        config = tiny.make_config("npz:x", [], measure_names=("activations",))
        with pytest.raises(ValueError, match="'convergence'.*'activations'"):
            measures.check_measures(config)
        config.task = "few_shot"
        measures.check_measures(config)
