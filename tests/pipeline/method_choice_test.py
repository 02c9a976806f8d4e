"""Methods compared on validation images."""

import numpy as np
import pytest

from configs.tune import methods
from pipeline import method_choice
from pipeline.trainings import classifier_evaluation
from tests.pipeline import smoke


class CompareTest:
    def test_numbers_are_those_by_hand(self):
        labels = np.array([0, 1, 1, 0])
        base = np.array([[0.8, 0.2], [0.5, 0.5], [0.6, 0.4], [0.9, 0.1]])
        better = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.9, 0.1]])
        found = method_choice.compare(
            {"base": (labels, base), "mixup": (labels, better)}
        )
        assert found["base"]["gain"] == 0
        assert found["base"]["gain_half_width"] == 0
        assert found["base"]["accuracy"] == 50  # a tie is the first class
        assert found["mixup"]["accuracy"] == 100
        gains = np.log([0.9 / 0.8, 0.8 / 0.5, 0.7 / 0.4, 1.0])
        assert found["mixup"]["gain"] == pytest.approx(np.mean(gains))
        width = 1.96 * np.std(gains, ddof=1) / 2
        assert found["mixup"]["gain_half_width"] == pytest.approx(width)
        table = method_choice.text_table({"chosen": "mixup", "compared": found})
        assert "mixup (chosen)" in table.splitlines()[2]
        assert f"{np.mean(gains):+.3f} ± {width:.3f}" in table

    def test_every_trial_has_its_part_of_the_time(self):
        config = methods.get_config("conv4")
        trials = method_choice._trials(config.target, config.methods, "run")
        assert len(trials) == 12
        assert {trial.minutes for trial in trials.values()} == {2.5}
        tuned = trials["fine_tuning+meta_perturb"]
        assert (tuned.method, tuned.fine_tuning.source) == (
            "meta_perturb",
            "run",
        )
        assert trials["mixup"].fine_tuning.source == ""
        assert config.methods == method_choice.METHODS


class ChooseTest:
    @pytest.mark.long
    def test_folder_becomes_the_run_of_the_best(self, source, tmp_path, capsys):
        config = smoke.target_config(
            source, data__validation_fraction=0.25, method="auto"
        )
        tried = ("base", "mixup")
        record = method_choice.choose(config, tmp_path, methods=tried)
        assert list(record["compared"]) == list(tried)
        runs = {
            name: smoke.read_json(tmp_path / "trials" / name / "result.json")
            for name in tried
        }
        losses = {
            name: run["validation"]["negative_log_likelihood"]
            for name, run in runs.items()
        }
        assert record["chosen"] == min(losses, key=losses.get)
        for name, loss in losses.items():
            numbers = record["compared"][name]
            found = numbers["negative_log_likelihood"]
            assert found == loss
        result = smoke.read_json(tmp_path / "result.json")
        assert result == runs[record["chosen"]] == record["result"]
        assert smoke.read_json(tmp_path / "methods.json") == record
        evaluated = classifier_evaluation.evaluate_run(tmp_path)
        assert evaluated["examples"] == 20
        assert "(chosen)" in capsys.readouterr().out
        again = method_choice.choose(config, tmp_path, methods=tried)
        assert again == record

    def test_run_of_another_kind_is_kept(self, source, tmp_path):
        (tmp_path / "config.json").write_text("{}")
        config = smoke.target_config(source, data__validation_fraction=0.25)
        with pytest.raises(ValueError, match="must be new.*that of a run"):
            method_choice.choose(config, tmp_path)

    def test_needs_validation_images(self, source, tmp_path):
        config = smoke.target_config(source)
        with pytest.raises(ValueError, match="validation_fraction"):
            method_choice.choose(config, tmp_path)
