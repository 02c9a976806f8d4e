"""Measures of a trained few-shot cell, and the figures made of them."""

import numpy as np
import pytest

from configs.experiments import few_shot
from mp_keras import files
from pipeline.experiments import cells
from pipeline.experiments import few_shot_measures
from pipeline.experiments import runner
from pipeline.runs import run_folder
from pipeline.trainings import few_shot_evaluation

pytestmark = pytest.mark.usefixtures("eagerly")

RADII = {"linf": (0.0, 0.3), "l1": (5.0,)}


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """A config of one cell, its workdir and data folder, after a run."""
    config = few_shot.make_config("tiny", "A tiny one", "smoke")
    config.rows = (few_shot.row("Ours", "meta_dropout"),)
    workdir = tmp_path_factory.mktemp("work")
    data_dir = tmp_path_factory.mktemp("tfds")
    summary = runner.reproduce(config, workdir, data_dir)
    assert summary["failures"] == {}
    return config, workdir, data_dir


@pytest.fixture(scope="module")
def run(experiment):
    config, workdir, data_dir = experiment
    (folder,) = (workdir / "cells").iterdir()
    (cell,) = cells.expand(config)
    return few_shot_measures.FewShotRun(cell.config, folder, data_dir)


class FewShotRunTest:
    def test_more_queries_leave_classes_and_support(self, run):
        plain, more = run.episode(1), run.episode(1, queries=3)
        np.testing.assert_array_equal(plain[0], more[0])
        labels, counts = np.unique(more[3], return_counts=True)
        assert labels.tolist() == [0, 1] and counts.tolist() == [3, 3]
        assert len(plain[3]) == run.config.queries


class EpisodeRobustnessTest:
    def test_no_attack_is_the_test_accuracy(self, run):
        count = run.config.test_episodes
        measured = few_shot_measures.MEASURES["episode_robustness"](
            run, RADII, count
        )
        result = files.read_json(run.folder / "result.json")
        clean = measured["linf"]
        assert clean["accuracy"][0] == pytest.approx(result["accuracy"])
        assert clean["half_width"][0] == pytest.approx(
            result["accuracy_half_width"]
        )
        assert measured["l1"]["epsilons"] == [5.0]

    def test_radii_must_be_given(self, run):
        with pytest.raises(ValueError, match="episode_robustness.radii"):
            few_shot_measures.MEASURES["episode_robustness"](run)


class ConvergenceTest:
    def test_follows_the_validation(self, run, monkeypatch):
        """Of the windows that have one."""
        with pytest.raises(ValueError, match="`validation_episodes` above 0"):
            few_shot_measures.MEASURES["convergence"](run)
        windows = [
            {"step": 1},
            {"step": 2, "validation_loss": 0.5, "validation_accuracy": 0.75},
        ]
        monkeypatch.setattr(
            run_folder.RunFolder, "history", lambda self: windows
        )
        assert few_shot_measures.MEASURES["convergence"](run) == {
            "part": "validation",
            "steps": [2],
            "loss": [0.5],
            "accuracy": [75.0],
        }


class DecisionBoundaryTest:
    def test_both_classes_at_the_chosen_steps(self, run):
        views = few_shot_measures.MEASURES["decision_boundary"](
            run, steps=(0, 2), copies=4, queries=2
        )
        assert [view["step"] for view in views] == [0, 2]
        for view in views:
            assert view["kinds"].count("noisy") == 8
            assert view["kinds"].count("query") == 4
            assert sorted(set(view["labels"])) == [0, 1]


class PicturesTest:
    def test_activations_are_those_of_the_strongest_channel(self, run):
        measured = few_shot_measures.MEASURES["activations"](
            run, block=1, images=2, copies=3
        )
        shapes = {key: np.shape(value) for key, value in measured.items()}
        assert shapes == {
            "images": (2, 16, 16, 1),
            "unperturbed": (2, 4, 4, 1),
            "expected": (2, 4, 4, 1),
            "stochastic": (3, 2, 4, 4, 1),
        }
        learner, _ = few_shot_evaluation.load_learner(run.folder)
        assert learner.network.channels > 1

    def test_reconstructions_are_images(self, run):
        measured = few_shot_measures.MEASURES["reconstructions"](
            run,
            images=1,
            copies=2,
            training_images=8,
            epochs=1,
            filters=2,
        )
        shapes = {key: np.shape(value) for key, value in measured.items()}
        assert shapes == {
            "images": (1, 16, 16, 1),
            "unperturbed": (1, 16, 16, 1),
            "expected": (1, 16, 16, 1),
            "stochastic": (2, 1, 16, 16, 1),
        }
