"""The search over a grid: chooses on validation data, and resumes."""

import optuna
import pytest

from configs.tune import default
from pipeline import tuning
from pipeline.trainings import target_training
from tests.pipeline import smoke


def make_config(source, **changes):
    config = default.get_config("mixup,conv4,smoke")
    config.target.data.source = source
    config.target.network_options.channels = 8
    config.update_from_flattened_dict(changes)
    return config


@pytest.fixture
def validation(monkeypatch):
    """Replaces training: the validation metrics depend on alpha alone."""
    runs = []

    def train(config, folder, data_dir, noted):
        alpha = config.mixup.alpha
        runs.append((alpha, config.seed))
        if alpha == 0.3:
            raise FloatingPointError("diverged")
        return {
            "accuracy": 100.0,
            "negative_log_likelihood": 0.0,  # on test, to be ignored
            "validation": {
                "accuracy": 50.0 + 10 * alpha,
                "negative_log_likelihood": abs(alpha - 0.4) + config.seed,
                "expected_calibration_error": 1.0,
                "brier_score": 0.5,
            },
        }

    monkeypatch.setattr(target_training, "train_target", train)
    return runs


SPACE = (("mixup.alpha", (0.1, 0.3, 0.5, 0.9)),)


class TuneTest:
    def test_best_of_the_grid_on_validation(self, validation, tmp_path):
        config = make_config("npz:x", seeds=(0, 2))
        config.space = SPACE
        result = tuning.tune(config, tmp_path)
        assert result == smoke.read_json(tmp_path / "tuned.json")
        assert result["best"] == {"mixup.alpha": 0.5}
        tried = sorted(t["values"]["mixup.alpha"] for t in result["trials"])
        assert tried == [0.1, 0.5, 0.9]  # 0.3 diverged
        best = min(result["trials"], key=lambda t: t["negative_log_likelihood"])
        assert best["negative_log_likelihood"] == pytest.approx(1.1)
        assert sorted(validation) == [
            (0.1, 0),
            (0.1, 2),
            (0.3, 0),
            (0.5, 0),
            (0.5, 2),
            (0.9, 0),
            (0.9, 2),
        ]

    def test_accuracy_is_maximized(self, validation, tmp_path):
        config = make_config("npz:x", objective="accuracy")
        config.space = SPACE
        assert tuning.tune(config, tmp_path)["best"] == {"mixup.alpha": 0.9}

    def test_finished_trials_are_not_repeated(self, validation, tmp_path):
        config = make_config("npz:x")
        config.space = SPACE
        first = tuning.tune(config, tmp_path)
        validation.clear()
        assert tuning.tune(config, tmp_path)["best"] == first["best"]
        assert validation == []

    def test_interrupted_point_is_tried_again(
        self, validation, tmp_path, monkeypatch
    ):
        config = make_config("npz:x")
        config.space = SPACE
        replaced = target_training.train_target

        def interrupted(target, folder, data_dir, noted):
            if target.mixup.alpha == 0.5:
                raise KeyboardInterrupt
            return replaced(target, folder, data_dir, noted)

        with monkeypatch.context() as patch:
            patch.setattr(target_training, "train_target", interrupted)
            with pytest.raises(KeyboardInterrupt):
                tuning.tune(config, tmp_path)
        assert not (tmp_path / "tuned.json").exists()
        result = tuning.tune(config, tmp_path)
        assert result["best"] == {"mixup.alpha": 0.5}
        assert result["diverged"] == [{"mixup.alpha": 0.3}]
        assert len(result["trials"]) == 3

    def test_what_a_kill_left_takes_no_other_figure(
        self, validation, tmp_path, monkeypatch
    ):
        config = make_config("npz:x")
        config.space = SPACE

        def killed(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(optuna.Study, "tell", killed)
            patch.setattr(optuna.Study, "add_trial", killed)
            with pytest.raises(KeyboardInterrupt):
                tuning.tune(config, tmp_path)
        result = tuning.tune(config, tmp_path)
        assert {
            trial["values"]["mixup.alpha"]: trial["accuracy"]
            for trial in result["trials"]
        } == {0.1: 51.0, 0.5: 55.0, 0.9: 59.0}

    def test_real_training_is_judged(self, source, tmp_path):
        result = tuning.tune(make_config(source), tmp_path)
        assert len(result["trials"]) == 2
        assert len(list((tmp_path / "trials").iterdir())) == 2

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"target.data.validation_fraction": 0.0}, "validation data"),
            ({"objective": "loss"}, "one of(.|\n)*objective='loss'"),
        ],
    )
    def test_bad_config(self, tmp_path, changes, message):
        with pytest.raises(ValueError, match=message):
            tuning.tune(make_config("npz:x", **changes), tmp_path)

    def test_unknown_method_lists_the_valid_ones(self):
        with pytest.raises(ValueError, match="'drop_block'(.|\n)*'dropout'"):
            default.get_config("dropout")
