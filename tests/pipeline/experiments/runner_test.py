"""Running, failing and resuming the cells of an experiment."""

import re
import subprocess
import sys

import keras
import numpy as np
import pytest

import mp_keras
from configs.experiments import base
from mp_keras import files
from mp_keras.perturbation import positions_of
from pipeline.experiments import cells
from pipeline.experiments import runner
from pipeline.trainings import meta_training
from pipeline.trainings import target_training
from tests.pipeline import smoke
from tests.pipeline.experiments import tiny

pytestmark = pytest.mark.usefixtures("eagerly")


def cell_folder(workdir, name):
    (folder,) = (workdir / "cells").glob(f"{name}-*")
    return folder


class ReproduceTest:
    def test_failing_cell_leaves_the_others_and_is_tried_again(
        self, source, tmp_path
    ):
        rows = [
            base.row("Base", "base"),
            base.row("Odd", "meta_perturb", phi="mine"),
            base.row("Mixup", "mixup"),
        ]
        config = tiny.make_config(source, rows)
        config.phi_paths.mine = str(tmp_path / "phi")
        summary = runner.reproduce(config, tmp_path / "work")
        assert summary["finished"] == 2
        (title,) = summary["failures"]
        assert title == "Odd, Squares, seed 0"
        assert "phi" in summary["failures"][title]
        noted = smoke.read_json(tmp_path / "work" / "tiny_failures.json")
        assert "Traceback" in noted[title]["traceback"]

        tiny.save_phi(tmp_path)
        before = cell_folder(tmp_path / "work", "base") / "model.keras"
        written = before.stat().st_mtime_ns
        summary = runner.reproduce(config, tmp_path / "work")
        assert (summary["finished"], summary["failures"]) == (3, {})
        assert before.stat().st_mtime_ns == written  # not run again
        assert not (tmp_path / "work" / "tiny_failures.json").exists()

    def test_cells_that_were_not_chosen_stay_in_the_table(
        self, source, tmp_path
    ):
        rows = [base.row("Base", "base"), base.row("Mixup", "mixup")]
        config = tiny.make_config(source, rows)
        runner.reproduce(config, tmp_path)
        table = (tmp_path / "tiny.md").read_text()
        config.only_rows = ("Mixup",)
        summary = runner.reproduce(config, tmp_path)
        assert summary["finished"] == 2
        assert (tmp_path / "tiny.md").read_text() == table

    def test_workdir_may_be_spelt_otherwise(
        self, source, tmp_path, monkeypatch
    ):
        row = base.row("P", "meta_perturb", phi=base.PAPER_PHI)
        config = tiny.make_config(source, [row])
        monkeypatch.chdir(tmp_path)
        for place in ("work", tmp_path / "work"):
            assert runner.reproduce(config, place)["failures"] == {}
        assert len(list((tmp_path / "work" / "cells").iterdir())) == 1

    def test_cells_of_another_process_come_last(
        self, source, tmp_path, monkeypatch
    ):
        rows = [base.row("Base", "base"), base.row("Mixup", "mixup")]
        config = tiny.make_config(source, rows)
        (busy, _) = cells.expand(config)
        lock = tmp_path / "locks" / busy.folder(tmp_path, None).name
        program = (
            "import sys; from pipeline.storage import locks\n"
            f"with locks.held({str(lock)!r}): print(flush=True), input()"
        )
        other = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        other.stdout.readline()
        trained = []

        def train(config, folder, data_dir, read):
            trained.append(config.method)
            folder.mkdir(parents=True)
            files.write_json(folder / "result.json", {"accuracy": 50.0})
            other.communicate("\n")  # it is done with its cell
            return {"accuracy": 50.0}

        monkeypatch.setattr(target_training, "train_target", train)
        monkeypatch.setattr(runner.outputs, "write", lambda *_: [])
        assert runner.reproduce(config, tmp_path)["finished"] == 2
        assert trained == ["mixup", "base"]

    def test_noted_failures_go_when_their_cells_pass(
        self, source, tmp_path, monkeypatch
    ):
        rows = [base.row("Base", "base"), base.row("Mixup", "mixup")]
        config = tiny.make_config(source, rows)

        def train(config, folder, data_dir, read):
            folder.mkdir(parents=True)
            files.write_json(folder / "result.json", {"accuracy": 50.0})
            return {"accuracy": 50.0}

        monkeypatch.setattr(target_training, "train_target", train)
        monkeypatch.setattr(runner.outputs, "write", lambda *_: [])
        failures = tmp_path / "tiny_failures.json"
        noted = {"Base, Squares, seed 0": {"error": "of before"}}
        files.write_json(failures, {**noted, "Gone": {"error": "no cell"}})
        config.only_rows = ("Mixup",)
        runner.reproduce(config, tmp_path)
        assert smoke.read_json(failures) == noted
        config.only_rows = ("Base",)
        runner.reproduce(config, tmp_path)
        assert not failures.exists()

    def test_error_of_any_kind_is_caught(self, source, tmp_path, monkeypatch):
        config = tiny.make_config(source, [base.row("Base", "base")])
        monkeypatch.setattr(
            target_training, "train_target", lambda *_, **__: 1 / 0
        )
        summary = runner.reproduce(config, tmp_path)
        assert "ZeroDivisionError" in str(summary["failures"])
        assert summary["outputs"] == []

    def test_unknown_names_list_the_valid_ones(self, source, tmp_path):
        config = tiny.make_config(source, [], measure_names=("picture",))
        with pytest.raises(ValueError, match="'convergence'.*'picture'"):
            runner.reproduce(config, tmp_path)
        config = tiny.make_config(source, [], metric="acc")
        with pytest.raises(ValueError, match="'accuracy'.*'acc'"):
            runner.reproduce(config, tmp_path)


class SourcesTest:
    def test_phi_and_source_classifier_are_made_once_and_used(
        self, source, tmp_path, monkeypatch
    ):
        calls = []
        for module, name in (
            (meta_training, "meta_train"),
            (target_training, "train_target"),
        ):
            original = getattr(module, name)

            def counted(*arguments, original=original, name=name, **options):
                calls.append((name, str(arguments[1])))
                return original(*arguments, **options)

            monkeypatch.setattr(module, name, counted)
        rows = [
            base.row("A", "meta_perturb", phi=base.PAPER_PHI, fine_tuned=True),
            base.row("B", "meta_perturb", phi=base.PAPER_PHI, samples=3),
        ]
        config = tiny.make_config(source, rows)
        summary = runner.reproduce(config, tmp_path)
        assert summary["failures"] == {}
        (phi_run,) = (tmp_path / "prerequisites").glob("phi-*")
        (classifier,) = (tmp_path / "prerequisites").glob("classifier-*")
        expected = mp_keras.load_perturbation(phi_run / "phi").values()
        for name in ("a", "b"):
            folder = cell_folder(tmp_path, name)
            model = keras.models.load_model(folder / "model.keras")
            for position in positions_of(model):
                for weight, array in position.perturbation.values().items():
                    np.testing.assert_array_equal(array, expected[weight])
        config_a = smoke.read_json(cell_folder(tmp_path, "a") / "config.json")
        assert config_a["fine_tuning"]["source"] == str(classifier)
        trained = [path for name, path in calls if name == "meta_train"]
        assert trained == [str(phi_run)] * 2  # the second returns at once

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"network": "resnet21"}, "'resnet20'(.|\n)*'resnet21'"),
            ({"positions": "middle"}, "'top'(.|\n)*'middle'"),
            ({"data.source": "npz:none.npz"}, "none.npz"),
        ],
    )
    def test_a_wrong_cell_is_told_before_its_source_is_made(
        self, source, tmp_path, monkeypatch, changes, message
    ):
        def unwanted(*_):
            raise AssertionError("a source was made")

        monkeypatch.setattr(meta_training, "meta_train", unwanted)
        row = base.row("P", "meta_perturb", phi=base.PAPER_PHI)
        config = tiny.make_config(source, [row])
        config.columns[0].set.update(changes)
        failures = runner.reproduce(config, tmp_path)["failures"]
        assert re.search(message, str(failures))

    def test_failing_source_fails_its_cells_once(
        self, source, tmp_path, monkeypatch
    ):
        calls = []

        def fail(*arguments):
            calls.append(arguments)
            raise FloatingPointError("diverged")

        monkeypatch.setattr(meta_training, "meta_train", fail)
        rows = [
            base.row(name, "meta_perturb", phi=base.PAPER_PHI, l2=l2)
            for name, l2 in (("A", 0.0), ("B", 0.1))
        ]
        summary = runner.reproduce(tiny.make_config(source, rows), tmp_path)
        assert len(summary["failures"]) == 2
        assert len(calls) == 1
