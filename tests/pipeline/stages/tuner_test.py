"""Tuner: what the source chooses, and that it chooses on the source alone."""

import numpy as np
import pytest

from pipeline.stages import target_trainer
from pipeline.stages import tuner
from pipeline.trainings import target_training
from tests import eager
from tests.pipeline import smoke

SETTINGS = {"tasks": 2, "strengths": [0.25, 1.0], "judged": 3}


@pytest.fixture
def config(make_target_config):
    config = make_target_config()
    config.data.examples_per_class = 2
    config.data.validation_fraction = 0.0
    config.data.pooled = True
    config.batch_size = 4
    return config


@pytest.fixture
def tune(examples, phi, config, tmp_path):
    def tune(methods, **settings):
        return tuner.tune(
            examples,
            examples,
            phi,
            methods,
            config,
            {**SETTINGS, **settings},
            tmp_path / "runs",
            "f",
        )

    return tune


class Noted(list):
    """Config, workdir and arrays of each trial; a test sets `loss`."""

    def loss(self, config):
        return 1.0


@pytest.fixture
def trained(monkeypatch):
    """Trials that are only noted."""
    noted = Noted()

    def train_target(config, workdir, source, single_pass):
        assert not single_pass
        with np.load(source.removeprefix("npz:")) as arrays:
            arrays = dict(arrays)
        noted.append((config, workdir, arrays))
        return {
            "validation": {
                "accuracy": 50.0,
                "negative_log_likelihood": noted.loss(config),
            },
            "temperature": 1.0,
        }

    monkeypatch.setattr(target_training, "train_target", train_target)
    return noted


class TuneTest:
    def test_whole(self, tune):
        """Real trainings: the values are those of the trials."""
        with eager.eager_steps():
            choice = tune(["base", "meta_perturb"], tasks=1)
        assert [
            (trial["method"], trial["c_max"], trial["task"])
            for trial in choice["trials"]
        ] == [
            ("base", 1.0, 0),
            ("meta_perturb", 0.25, 0),
            ("meta_perturb", 1.0, 0),
        ]
        assert (choice["classes"], choice["shots"]) == (4, 2)
        assert choice["judged_on"] == 4 * 3
        losses = {
            (trial["method"], trial["c_max"]): trial["negative_log_likelihood"]
            for trial in choice["trials"]
        }
        best = min(losses, key=losses.get)
        assert choice["method"] == best[0]
        assert choice["values"][best[0]]["c_max"] == best[1]

    def test_mean_loss_over_tasks_chooses(self, tune, trained):
        losses = {
            ("base", 1.0): (3.0, 3.0),
            ("meta_perturb", 0.25): (1.0, 9.0),
            ("meta_perturb", 1.0): (4.0, 1.0),
        }
        trained.loss = lambda run: losses[run.method, run.c_max][run.seed]
        choice = tune(["base", "meta_perturb"])
        assert choice["method"] == "meta_perturb"
        assert choice["values"]["meta_perturb"]["c_max"] == 1.0
        assert choice["values"]["base"] == {"c_max": 1.0}

    def test_a_task_is_of_the_target_s_size(self, tune, trained, examples):
        with np.load(examples / "examples.npz") as arrays:
            names = arrays["class_names"].tolist()
            images = np.concatenate(
                [arrays["train_images"], arrays["test_images"]]
            )
            labels = np.concatenate(
                [arrays["train_labels"], arrays["test_labels"]]
            )
        classes_of = {
            image.tobytes(): names[label]
            for image, label in zip(images, labels)
        }
        tune(["base"])
        tasks = [arrays for _, _, arrays in trained]
        assert len(tasks) == 2
        for task in tasks:
            assert np.bincount(task["train_labels"]).tolist() == [2 + 3] * 4
            for image, label in zip(task["train_images"], task["train_labels"]):
                name = task["class_names"][label]
                assert classes_of[image.tobytes()] == name
        config, _, _ = trained[0]
        assert config.data.validation_fraction == 3 / 5
        first, second = (task["train_images"].tobytes() for task in tasks)
        assert first != second

    def test_trials_of_a_task_have_the_same_data_and_seed(self, tune, trained):
        tune(["base", "fresh_phi+mixup", "mixup"], tasks=1)
        tried = [(run.method, run.c_max) for run, _, _ in trained]
        assert tried == [
            ("base", 1.0),
            ("fresh_phi+mixup", 0.25),
            ("fresh_phi+mixup", 1.0),
            ("mixup", 1.0),
        ]
        assert {run.seed for run, _, _ in trained} == {0}
        assert len({str(workdir) for _, workdir, _ in trained}) == 4
        images = {task["train_images"].tobytes() for _, _, task in trained}
        assert len(images) == 1

    def test_target_of_some_classes(self, tune, trained, config):
        config.data.classes = ("red", 2)
        tune(["base"], tasks=1)
        ((trial, _, task),) = trained
        assert np.bincount(task["train_labels"]).tolist() == [2 + 3] * 2
        assert trial.data.classes == ()

    def test_source_with_too_few_images(self, tune, trained, config):
        config.data.examples_per_class = 50
        with pytest.raises(ValueError, match="of 52 images or more"):
            tune(["base"])
        assert not trained


class ChoiceTest:
    def test_target_is_trained_with_it(
        self, examples, phi, make_target_config, tmp_path
    ):
        choice = {"values": {"base": {"c_max": 0.5}}}
        config = make_target_config()
        with eager.eager_steps():
            results = target_trainer.train_seeds(
                examples,
                phi,
                "base",
                [1, 4],
                config,
                tmp_path / "runs",
                "f",
                tmp_path / "out",
                choice=choice,
            )
        folders = target_trainer.run_folders([tmp_path / "out"])
        assert [folder.name for folder in folders] == [
            "base-seed1",
            "base-seed4",
        ]
        for folder, result, seed in zip(folders, results, (1, 4)):
            config = smoke.read_json(folder / "config.json")
            assert config["c_max"] == 0.5
            assert result["seed"] == seed
            assert smoke.read_json(folder / "result.json")["seed"] == seed
