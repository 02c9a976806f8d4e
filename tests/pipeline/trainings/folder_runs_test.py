"""A run on a folder keeps to the images that it began with."""

import json
import time

import numpy as np
import pytest
from PIL import Image

from configs.target import default
from pipeline.runs import run_log
from pipeline.trainings import classifier_evaluation
from pipeline.trainings import target_training


def write(folder, numbers):
    """Writes images of two classes, noise that nobody can tell apart."""
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in numbers:
            random = np.random.default_rng([number, ord(name)])
            pixels = random.integers(0, 256, (16, 16, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number:03}.png")


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "images", range(20))
    return tmp_path / "images"


@pytest.fixture
def config(folder):
    config = default.get_config("conv4,smoke")
    config.method = "base"
    config.data.source = f"folder:{folder}"
    return config


@pytest.fixture
def killed(config, tmp_path, monkeypatch):
    """The folder of a run that was killed behind its first checkpoint."""

    class Killed(BaseException):
        pass

    def save(self, *args, **kwargs):
        saved(self, *args, **kwargs)
        raise Killed

    saved = run_log.RunLog._save
    with monkeypatch.context() as patch:
        patch.setattr(run_log.RunLog, "_save", save)
        with pytest.raises(Killed):
            target_training.train_target(config, tmp_path / "run")
    return tmp_path / "run"


class EvaluationTest:
    def test_tests_on_the_runs_own_test_part(
        self, config, folder, tmp_path, warnings
    ):
        target_training.train_target(config, tmp_path / "run", command="c&d")
        page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
        assert "26 training, 6 validation, 8 test images" in page
        assert "c&amp;d" in page and "of 8 test images are recognized" in page
        before = classifier_evaluation.evaluate_run(tmp_path / "run")
        noted = json.loads((tmp_path / "run" / "data.json").read_text())
        assert len(noted["test"]) == before["examples"] == 8
        write(folder, range(900, 910))  # another cut, if it were cut again
        assert classifier_evaluation.evaluate_run(tmp_path / "run") == before
        name = next(iter(noted["test"]))
        (folder / name).unlink()
        after = classifier_evaluation.evaluate_run(tmp_path / "run")
        assert after["examples"] == 7
        self.check_other_folders_are_taken_whole(
            config, folder, tmp_path, warnings
        )

    def check_other_folders_are_taken_whole(
        self, config, folder, tmp_path, warnings
    ):
        write(tmp_path / "new", range(500, 503))
        evaluate = classifier_evaluation.evaluate_run
        source = f"folder:{tmp_path / 'new'}"
        found = evaluate(tmp_path / "run", source=source)
        assert (found["examples"], found["data"]) == (6, source)
        other = default.get_config("resnet20")  # of batches of 128
        other.image_size = 16
        other.data.source = source
        assert evaluate(tmp_path / "run", other)["examples"] == 6
        warnings.clear()
        again = evaluate(tmp_path / "run", source=config.data.source)
        assert again["examples"] == 7 + 20
        assert "32 images are left out, for the run was" in warnings[-1]
        for file in (tmp_path / "new" / "b").iterdir():
            file.unlink()
        (tmp_path / "new" / "b").rmdir()
        assert evaluate(tmp_path / "run", source=source)["examples"] == 3
        (tmp_path / "new" / "a").rename(tmp_path / "new" / "c")
        with pytest.raises(ValueError, match="alone: a, b. Received: c"):
            evaluate(tmp_path / "run", source=source)

    def test_a_finished_run_says_that_nothing_was_trained(
        self, config, tmp_path, warnings
    ):
        first = target_training.train_target(config, tmp_path / "run")
        warnings.clear()
        assert target_training.train_target(config, tmp_path / "run") == first
        assert "nothing was trained" in warnings[-1]


class ChosenTest:
    def test_run_on_what_the_data_decide_and_its_best_state(
        self, config, tmp_path, capsys
    ):
        config.batch_size = 0
        config.steps = 8
        config.data.balanced = True
        config.early_stopping.patience = 1
        config.learning_rate = 1.0  # so that validation gets worse at once
        result = target_training.train_target(config, tmp_path / "run")
        chosen = json.loads((tmp_path / "run" / "chosen.json").read_text())
        assert chosen == {"batch_size": 4}  # of 26 training images
        said = capsys.readouterr().out
        assert "26 training, 6 validation, 8 test images" in said
        assert "batch_size=4" in said
        history = (tmp_path / "run" / "history.jsonl").read_text().splitlines()
        windows = [json.loads(line) for line in history]
        losses = {w["step"]: w["validation_loss"] for w in windows}
        best = min(losses, key=losses.get)
        assert result["best_step"] == best
        assert best == 8 or max(losses) == best + 2
        evaluated = classifier_evaluation.evaluate_run(tmp_path / "run")
        assert evaluated["examples"] == 8

    def test_early_stopping_needs_validation_images(self, config, tmp_path):
        config.early_stopping.patience = 1
        config.data.validation_fraction = 0.0
        with pytest.raises(ValueError, match="validation_fraction=0.0"):
            target_training.train_target(config, tmp_path / "run")

    def test_time_of_a_step_is_measured(self, config):
        start = time.monotonic()
        seconds = target_training._seconds_per_step(config, 2)
        assert 0 < seconds < time.monotonic() - start


class ResumedTest:
    def test_other_data_are_refused(self, killed, config, folder):
        (folder / "b").rename(folder / "A")  # before a: labels would swap
        for number in range(15):
            (folder / "a" / f"{number:03}.png").unlink()
        with pytest.raises(ValueError, match=r"Received: 35 gone \(.*20 new"):
            target_training.train_target(config, killed)
        assert not (killed / "result.json").exists()

    def test_new_files_change_nothing(
        self, killed, config, folder, tmp_path, warnings
    ):
        unbroken = target_training.train_target(config, tmp_path / "unbroken")
        write(folder, range(900, 905))
        resumed = target_training.train_target(config, killed)
        for key in ("accuracy", "negative_log_likelihood"):
            assert resumed[key] == unbroken[key]
        assert any("10 new" in line for line in warnings)
