"""Stops of a run, and what its config may change after one."""

import json

import pytest

from pipeline.runs import run_folder
from pipeline.runs import stopped_run

CONFIG = {
    "learning_rate": 1e-3,
    "learning_rate_factor": 0.3,
    "phi_learning_rate": 1e-3,
    "seed": 0,
}
SMALLER = {**CONFIG, "learning_rate": 1e-4}


@pytest.fixture
def folder(tmp_path):
    folder = run_folder.RunFolder(tmp_path, CONFIG)
    folder.start()
    return folder


class StopsTest:
    def test_are_kept_in_order_with_their_rates(self, folder):
        assert stopped_run.stops(folder.path) == []
        folder.stop(6, "a loss")
        again = run_folder.RunFolder(folder.path, SMALLER)
        again.start()
        again.stop(9, "another")
        first, second = stopped_run.stops(folder.path)
        assert first == {
            "step": 6,
            "problem": "a loss",
            "learning_rate": 1e-3,
            "learning_rate_factor": 0.3,
            "phi_learning_rate": 1e-3,
        }
        assert (second["step"], second["learning_rate"]) == (9, 1e-4)


class ChangeableTest:
    @pytest.mark.parametrize("key", stopped_run.CURES)
    def test_rate_may_change_after_a_stop_alone(self, folder, key):
        changed = {**CONFIG, key: 0.1}
        with pytest.raises(ValueError, match=f"holds a run with {key}="):
            run_folder.RunFolder(folder.path, changed)
        folder.stop(6, "a loss")
        run_folder.RunFolder(folder.path, changed)

    def test_stop_from_before_phi_had_a_rate_of_its_own(self, folder):
        folder.stop(6, "a loss")
        file = folder.path / "stops.json"
        (stop,) = stopped_run.stops(folder.path)
        del stop["phi_learning_rate"]
        file.write_text(json.dumps([stop]))
        run_folder.RunFolder(
            folder.path, {**SMALLER, "phi_learning_rate": 1e-4}
        )

    def test_nothing_else_may_change(self, folder):
        folder.stop(6, "a loss")
        with pytest.raises(ValueError, match="holds a run with seed=0"):
            run_folder.RunFolder(folder.path, {**SMALLER, "seed": 1})

    def test_changes_once_for_a_stop(self, folder):
        folder.stop(6, "a loss")
        run_folder.RunFolder(folder.path, SMALLER).start()
        with pytest.raises(ValueError, match="with learning_rate=0.0001"):
            run_folder.RunFolder(folder.path, CONFIG)
        run_folder.RunFolder(folder.path, SMALLER).start()  # it resumes

    def test_finished_run_is_not_another_one(self, folder):
        folder.stop(6, "a loss")
        folder.finish({"accuracy": 1.0})
        with pytest.raises(ValueError, match="with learning_rate=0.001"):
            run_folder.RunFolder(folder.path, SMALLER)

    def test_config_without_a_factor(self, tmp_path):
        folder = run_folder.RunFolder(tmp_path, {"learning_rate": 1.0})
        folder.start()
        folder.stop(1, "a loss")
        run_folder.RunFolder(tmp_path, {"learning_rate": 0.5})
