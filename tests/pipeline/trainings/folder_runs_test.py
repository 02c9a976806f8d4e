"""A run on a folder keeps to the images that it began with."""

import itertools
import json
import os
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from configs.target import default
from configs.tune import default as tune_config
from pipeline import method_choice
from pipeline import tuning
from pipeline.runs import run_folder
from pipeline.runs import run_log
from pipeline.trainings import classifier_evaluation
from pipeline.trainings import target_data
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
        for name in noted["train"]:
            if name.startswith("b/"):
                (folder / name).unlink()  # not needed any more
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
        assert "16 images are left out, for the run was" in warnings[-1]
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


class SharedImagesTest:
    """Trainings that belong together have the same images."""

    @pytest.fixture
    def growing(self, folder, monkeypatch):
        """New images are there after the first training."""
        trained = target_training.train_target

        def train_target(*args, **kwargs):
            result = trained(*args, **kwargs)
            write(folder, range(900, 910))
            return result

        monkeypatch.setattr(target_training, "train_target", train_target)

    def records(self, folder):
        found = [
            json.loads(file.read_text())
            for file in sorted(folder.glob("*/data.json"))
        ]
        assert len(found) == 2
        return found

    def test_methods_are_compared_on_the_same(self, growing, config, tmp_path):
        record = method_choice.choose(
            config, tmp_path / "run", methods=("base", "mixup")
        )
        assert set(record["compared"]) == {"base", "mixup"}
        first, second = self.records(tmp_path / "run" / "trials")
        assert first == second
        assert len(first["test"]) == 8

    def test_members_of_an_ensemble(self, growing, config, tmp_path):
        config.method = "deep_ensemble"
        target_training.train_target(config, tmp_path / "run")
        first, second = self.records(tmp_path / "run" / "members")
        noted = json.loads((tmp_path / "run" / "data.json").read_text())
        assert first == second == noted

    def test_points_of_a_search(self, growing, folder, tmp_path):
        search = tune_config.get_config("mixup,smoke")
        search.target.data.source = f"folder:{folder}"
        search.target.network = "conv4"
        search.space = (("mixup.alpha", (0.1, 0.5)),)
        search.seeds = (0,)
        tuning.tune(search, tmp_path / "search")
        first, second = self.records(tmp_path / "search" / "trials")
        assert first == second

    def test_repeated_images_are_not_held_out(
        self, config, folder, tmp_path, warnings
    ):
        for file in sorted(folder.rglob("*.png")):
            shutil.copy(file, file.with_stem(f"again_{file.stem}"))
        data, validation = target_data.load_data(config)
        rows = [
            {image.tobytes() for image in images}
            for images in (data.train_images, validation[0], data.test_images)
        ]
        for row, other in itertools.combinations(rows, 2):
            assert not row & other
        said = warnings[-1]
        config.data.keep_repeated = True
        _, (_, kept) = target_data.load_data(config)
        dropped = len(kept) - len(validation[1])
        assert 0 < dropped < len(kept)
        assert said.startswith(f"{dropped} of {len(kept)} images for valid")

    def test_single_image_of_a_class(self, config, tmp_path):
        write(tmp_path / "few", range(2))  # one of them for the test
        config.data.source = f"folder:{tmp_path / 'few'}"
        config.batch_size = 1
        with pytest.raises(ValueError, match="a single image of 'a', 'b'"):
            target_data.load_data(config)


class ForeignFolderTest:
    def test_what_is_no_run_is_not_replaced(self, config, tmp_path):
        model = tmp_path / "mine" / "saved_model" / "1"
        model.mkdir(parents=True)
        (model / "saved_model.pb").write_text("precious")
        with pytest.raises(ValueError, match="no run's folder, with saved_mod"):
            target_training.train_target(config, tmp_path / "mine")
        assert (model / "saved_model.pb").read_text() == "precious"

    def test_names_that_tensorflow_takes_for_patterns(self, config, tmp_path):
        with pytest.raises(ValueError, match=r"runs\[1\] must be without"):
            target_training.train_target(config, tmp_path / "runs[1]")

    def test_home_is_not_a_folder_called_so(
        self, config, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("HOME", str(tmp_path))
        folder = run_folder.RunFolder("~/run", config.to_dict())
        assert folder.path == tmp_path / "run"

    def test_file_names_that_are_no_text(self, config, folder, tmp_path):
        name = os.fsdecode(b"caf\xe9.png")
        (folder / "a" / "000.png").rename(folder / "a" / name)
        target_training.train_target(config, tmp_path / "run")
        noted = run_folder.read_data_record(tmp_path / "run")
        files = {**noted["train"], **noted["test"]}
        assert f"a/{name}" in files
        found = classifier_evaluation.evaluate_run(tmp_path / "run")
        assert found["examples"] == 8


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
