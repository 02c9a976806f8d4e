"""Tests of a few-shot run on other episodes, and what does not suit it."""

import shutil

import numpy as np
import pytest

from mp_keras.few_shot import episode_evaluation
from pipeline.trainings import few_shot_evaluation
from pipeline.trainings import few_shot_training
from tests import patterns
from tests.pipeline import smoke


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    return patterns.write_npz(folder / "patterns.npz")


@pytest.fixture(scope="module")
def run(source, eagerly, tmp_path_factory):
    """Config, folder and result of a run."""
    workdir = tmp_path_factory.mktemp("few_shot")
    config = smoke.few_shot_config(source, validation_episodes=0)
    result = few_shot_training.few_shot_train(config, workdir)
    return config, workdir, result


class EvaluateFewShotTest:
    def test_own_config_gives_the_result_again(self, run):
        _, workdir, expected = run
        result = few_shot_evaluation.evaluate_few_shot(workdir)
        assert result == smoke.read_json(workdir / "evaluation.json")
        assert result.pop("step") == 4
        assert result == {name: expected[name] for name in result}

    def test_other_episodes(self, run, source):
        _, workdir, _ = run
        config = smoke.few_shot_config(
            source, test_episodes=3, shots=2, samples=3, steps=9, test_seed=5
        )
        result = few_shot_evaluation.evaluate_few_shot(workdir, config)
        asked = [result[key] for key in ("episodes", "shots", "samples")]
        assert asked == [3, 2, 3]
        assert result["steps"] == 4  # of the training

    def test_unfinished_run(self, run, tmp_path):
        _, workdir, _ = run
        for name in ("checkpoints", "config.json"):
            source = workdir / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, tmp_path / name)
        result = few_shot_evaluation.evaluate_few_shot(tmp_path)
        assert (result["step"], result["episodes"]) == (4, 4)

    def test_other_data(self, run, tmp_path):
        _, workdir, _ = run
        other = patterns.write_npz(tmp_path / "other.npz", per_class=8)
        config = smoke.few_shot_config(other, data__seed=3)
        result = few_shot_evaluation.evaluate_few_shot(workdir, config)
        assert result["data"] == other

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"channels": 8}, "`channels` must be that of(.|\n)*channels=8"),
            (
                {"inner_perturbation": "none"},
                "`inner_perturbation` must be that of",
            ),
            (
                {"meta_dropout__logits": "none"},
                "`meta_dropout.logits` must be that of",
            ),
            ({"data__seed": 1}, "`data.seed` must be that of(.|\n)*learned"),
            ({"test_episodes": 0}, "`test_episodes` must be an integer"),
        ],
    )
    def test_config_that_does_not_suit_it(self, run, source, changes, message):
        _, workdir, _ = run
        config = smoke.few_shot_config(source, **changes)
        with pytest.raises(ValueError, match=message):
            few_shot_evaluation.evaluate_few_shot(workdir, config)

    def test_folder_without_a_run(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="without config.json"):
            few_shot_evaluation.evaluate_few_shot(tmp_path)

    def test_folder_of_another_kind_of_run(self, tmp_path):
        (tmp_path / "config.json").write_text('{"steps": 3}')
        with pytest.raises(ValueError, match="that of another kind of run"):
            few_shot_evaluation.evaluate_few_shot(tmp_path)

    def test_run_without_a_checkpoint(self, run, tmp_path):
        _, workdir, _ = run
        shutil.copy(workdir / "config.json", tmp_path)
        with pytest.raises(FileNotFoundError, match="have a checkpoint"):
            few_shot_evaluation.evaluate_few_shot(tmp_path)
        assert not (tmp_path / "checkpoints").exists()


class AnswersFiguresTest:
    def test_interval_is_over_the_episodes(self):
        # Accuracies of 50, 100 and 0 %: mean 50, deviation 50.
        probabilities = np.array(
            [[[0.8, 0.2], [0.8, 0.2]], [[0.8, 0.2]] * 2, [[0.2, 0.8]] * 2]
        )
        labels = np.array([[0, 1], [0, 0], [0, 0]])
        found = few_shot_evaluation.answers_metrics(
            episode_evaluation.EpisodeAnswers(probabilities, labels)
        )
        assert found["accuracy"] == pytest.approx(50.0)
        # Student's t with 2 degrees of freedom: 4.3027.
        assert found["accuracy_half_width"] == pytest.approx(
            4.3027 * 50 / 3**0.5, rel=1e-4
        )
        losses = -np.log([0.8, 0.2, 0.8, 0.8, 0.2, 0.2])
        assert found["negative_log_likelihood"] == pytest.approx(losses.mean())
        assert found["expected_calibration_error"] == pytest.approx(30.0)
        assert found["episodes"] == 3

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[]", "config.json must hold a JSON object"),
            ('{"ways": "2"}', "config.json.*`ways` must be an integer"),
        ],
    )
    def test_damaged_config(self, tmp_path, text, message):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(ValueError, match=message):
            few_shot_evaluation.evaluate_few_shot(tmp_path)
