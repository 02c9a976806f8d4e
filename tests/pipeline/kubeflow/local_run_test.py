"""The whole pipeline on this machine: killed, resumed, reused, changed.

One folder goes through all of it; each fixture starts where the one before
it ended.
"""

import builtins
import collections
import logging
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from configs.pipeline import demo
from mp_keras.evaluation.metrics import classification_metrics
from mp_keras.export import class_name_file
from pipeline.kubeflow import local_run
from pipeline.trainings import classifier_evaluation
from tests import squares
from tests.pipeline import smoke
from tests.tools import processes

_ROOT = pathlib.Path(__file__).resolve().parents[3]
_PATIENCE_S = 600  # for one run on a busy machine
_FIRST = ["example-gen", "example-gen", "meta-trainer", "phi-exporter"]
_LAST = [
    "evaluator",
    "pusher",
    "reporter",
    "target-trainer",
    "target-trainer",
]

Run = collections.namedtuple("Run", "code output errors log executed reused")


class Binary:
    """`python -m tools.run_pipeline` in one workdir."""

    def __init__(self, root):
        self.workdir = root / "workdir"
        data = squares.write_npz(root / "squares.npz")
        self._options = {
            "config": "configs/pipeline/demo.py:smoke",
            "workdir": self.workdir,
            "data_dir": root / "tensorflow_datasets",
            "config.source.data.source": data,
            "config.target.data.source": data,
            "config.target.steps": 12,
            "config.target.checkpoint_every": 2,
        }

    def start(self, **changes):
        options = {**self._options}
        for key, value in changes.items():
            options["config." + key.replace("__", ".")] = value
        command = [sys.executable, "-m", "tools.run_pipeline"]
        command += [f"--{key}={value}" for key, value in options.items()]
        return subprocess.Popen(
            command,
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # stages are killed with it, no one else
        )

    def run(self, **changes):
        process = self.start(**changes)
        try:
            output, errors = process.communicate(timeout=_PATIENCE_S)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        return self._read(process.returncode, output, errors)

    def kill_when(self, condition):
        """Kills the run as soon as `condition()`; its stages end with it."""
        process = self.start()
        deadline = time.monotonic() + _PATIENCE_S
        while not condition() and process.poll() is None:
            if time.monotonic() > deadline:
                break
            time.sleep(0.005)
        happened = condition()
        ended = process.poll()
        process.kill()
        output, errors = process.communicate()
        stages_left = self._wait_for_end(process.pid)
        assert happened and ended is None, output + errors
        assert not stages_left
        return self._read(process.returncode, output, errors)

    def _wait_for_end(self, group):
        """Returns whether processes of the group are left after a while."""
        deadline = time.monotonic() + 30
        try:
            while time.monotonic() < deadline:
                os.killpg(group, 0)
                time.sleep(0.05)
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def evaluation(self):
        """Returns what the Evaluator found of the one target."""
        evaluations = smoke.read_json(self.workdir / "evaluation.json")
        assert list(evaluations) == ["digits"]
        return evaluations["digits"]

    def _read(self, code, output, errors):
        log = (self.workdir / "pipeline.log").read_text(encoding="utf-8")
        executed = re.findall(r"INFO - Executing task '([\w-]+)'", log)
        reused = re.findall(r"INFO - Task ([\w-]+) cache hit", log)
        return Run(code, output, errors, log, sorted(executed), sorted(reused))


@pytest.fixture(scope="module")
def binary(tmp_path_factory):
    return Binary(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture(scope="module")
def killed(binary):
    """A run that was killed when a target had its first checkpoint."""
    runs = binary.workdir / "runs"

    def is_training():
        return any(runs.glob("train_target-*/checkpoints/checkpoint"))

    return binary.kill_when(is_training)


@pytest.fixture(scope="module")
def resumed(binary, killed):
    return binary.run()


@pytest.fixture(scope="module")
def repeated(binary, resumed):
    return binary.run()


@pytest.fixture(scope="module")
def changed(binary, repeated):
    return binary.run(target__steps=2)


@pytest.fixture(scope="module")
def failed(binary, changed):
    return binary.run(target__batch_size=1000)


@pytest.mark.long
class KilledTest:
    def test_was_in_the_middle_of_the_targets(self, killed, binary):
        assert killed.code == -signal.SIGKILL
        assert not set(_FIRST) - set(killed.executed)
        assert "evaluator" not in killed.executed
        assert not (binary.workdir / "report.html").exists()
        assert not (binary.workdir / "serving").exists()


@pytest.mark.long
class ResumedTest:
    def test_finished_stages_are_reused(self, resumed):
        assert resumed.code == 0, resumed.errors
        assert resumed.reused == _FIRST
        assert resumed.executed == _LAST

    def test_training_goes_on_from_its_checkpoint(self, resumed):
        steps = re.findall(
            r"target training from step (\d+) of 12", resumed.log
        )
        assert len(steps) == 2
        assert max(map(int, steps)) >= 2

    def test_terminal_shows_the_stages_and_the_table(self, resumed, binary):
        lines = resumed.output.splitlines()
        for line in (
            "    meta-trainer: done before, reused",
            "[target-trainer]",
            "[evaluator]",
            "[pusher]",
            "[reporter]",
            f"Report with plots: {binary.workdir / 'report.html'}",
        ):
            assert line in lines
        assert "base, seed 0: 100%|" in resumed.output
        assert any(line.startswith("φ  ") for line in lines)
        assert "\x1b" not in resumed.output
        assert "KFP Executor" not in resumed.output
        assert resumed.errors == ""

    def test_log_holds_the_rest(self, resumed):
        assert "KFP Executor" in resumed.log
        assert "\x1b" not in resumed.log

    def test_what_it_leaves(self, resumed, binary):
        result = binary.evaluation()
        assert [run["method"] for run in result["runs"]] == [
            "base",
            "meta_perturb",
        ]
        assert {run["steps"] for run in result["runs"]} == {12}
        page = (binary.workdir / "report.html").read_text(encoding="utf-8")
        assert page.rstrip().endswith("</html>")
        assert page.count("<svg") == 6
        for link in re.findall(r'<a href="([^"]*)"', page):
            assert (binary.workdir / link).is_file()
        with open(binary.workdir / "results.csv") as file:
            assert len(file.readlines()) == 1 + 2 * 2  # validation and test

    def test_best_classifier_is_served(self, resumed, binary):
        result = binary.evaluation()
        best = min(
            result["runs"],
            key=lambda run: run["validation"]["negative_log_likelihood"],
        )
        serving = binary.workdir / "serving" / "digits"
        assert smoke.read_json(serving / "1" / "pushed_run.json") == best
        for refused in smoke.read_json(serving / "refused.json"):
            assert refused["method"] == "meta_perturb"
            assert "worse than the plain network's" in refused["reason"]
        names = class_name_file.read_names(serving / "1")
        assert names == squares.NAMES
        classifier = classifier_evaluation.load_classifier(serving / "1")
        images, labels = squares.make_part(5, seed=1)
        actual = classification_metrics(
            classifier_evaluation.predict(classifier, images, samples=2), labels
        )
        assert actual == pytest.approx(best["test"], rel=1e-4)


@pytest.mark.long
class RepeatedTest:
    def test_everything_is_reused(self, repeated, resumed):
        assert repeated.code == 0, repeated.errors
        assert repeated.executed == []
        assert repeated.reused == sorted(_FIRST + _LAST)
        message = "Every step was finished before and is reused.\n"
        assert message in repeated.output
        assert message not in resumed.output

    def test_table_is_the_same(self, repeated, resumed):
        first, again = (
            run.output[run.output.index("plain network") :]
            for run in (resumed, repeated)
        )
        assert first == again


@pytest.mark.long
class ChangedTest:
    def test_only_what_depends_on_it_runs_again(self, changed, binary):
        assert changed.code == 0, changed.errors
        assert changed.reused == _FIRST
        assert changed.executed == _LAST
        result = binary.evaluation()
        assert {run["steps"] for run in result["runs"]} == {2}
        versions = binary.workdir / "serving" / "digits"
        run = smoke.read_json(versions / "2" / "pushed_run.json")
        assert run["steps"] == 2
        assert (versions / "1").exists()


@pytest.mark.long
class FailedTest:
    def test_one_line_names_stage_error_and_log(self, failed, binary):
        assert failed.code == 1
        (line,) = failed.errors.splitlines()
        assert line.startswith(
            "Error: Stage target-trainer failed: ValueError: "
            "Config key `batch_size` must be at most "
        )
        assert line.endswith(
            "batch_size=1000. All that it printed: "
            f"{binary.workdir / 'pipeline.log'}{processes.HINT}"
        )
        assert "    target-trainer failed\n" in failed.output

    def test_later_stages_do_not_run(self, failed, binary):
        assert failed.executed == ["target-trainer"] * 2
        assert failed.reused == _FIRST
        result = binary.evaluation()
        assert {run["steps"] for run in result["runs"]} == {2}


@pytest.mark.long
class TunedTest:
    """The source chooses; each seed draws its own images."""

    def test_first_seed_of_the_chosen_method_is_served(self, tmp_path):
        binary = Binary(tmp_path)
        changes = {
            "tuner__tasks": 1,
            "seeds": "(1, 2)",
            "target__steps": 2,
            "target__batch_size": 4,
            "target__data__examples_per_class": 2,
            "target__data__pooled": True,
            "target__data__validation_fraction": 0.0,
        }
        run = binary.run(**changes)
        assert run.code == 0, run.errors
        assert "tuner" in run.executed
        assert "\nChosen on the source, by tasks of 4 classes" in run.output
        result = binary.evaluation()
        assert len(result["runs"]) == 2 * 2
        choice = result["choice"]
        for each in result["runs"]:
            stored = smoke.read_json(
                binary.workdir / each["folder"] / "config.json"
            )
            assert stored["data"]["seed"] == stored["seed"] == each["seed"]
            values = choice["values"][each["method"]]
            assert stored["c_max"] == values["c_max"]
        serving = binary.workdir / "serving" / "digits" / "1"
        pushed = smoke.read_json(serving / "pushed_run.json")
        assert (pushed["method"], pushed["seed"]) == (choice["method"], 1)
        assert binary.run(**changes).executed == []


class RunPipelineTest:
    """The same in this process, with a pipeline that only talks."""

    @pytest.fixture
    def run(self, tmp_path, monkeypatch):
        def run(pipeline):
            monkeypatch.setattr(
                local_run.definition, "make_pipeline", lambda *a: pipeline
            )
            local_run.run_pipeline(demo.get_config("smoke"), tmp_path)

        return run

    def test_stage_that_was_killed(self, run, tmp_path):
        def pipeline():
            raise RuntimeError("Inner task failed: \x1b[96m'evaluator'\x1b[0m.")

        message = f"Stage evaluator failed: it was killed. .*{tmp_path}"
        with pytest.raises(ChildProcessError, match=message):
            run(pipeline)

    def test_workdir_in_a_store(self):
        with pytest.raises(ValueError, match="folder on this machine"):
            local_run.run_pipeline(demo.get_config("smoke"), "gs://bucket/x")

    def test_another_error_of_the_engine_stays(self, run):
        def pipeline():
            raise RuntimeError("no runner")

        with pytest.raises(RuntimeError, match="no runner"):
            run(pipeline)

    def test_print_and_logging_are_put_back(self, run, capsys, tmp_path):
        own_print, root = print, logging.getLogger()
        handlers, level = root.handlers[:], root.level

        def pipeline():
            logging.info("Task pusher cache hit (key=1)")
            print("to the log")
            builtins.print = None  # as the engine may leave it
            root.handlers.clear()
            root.setLevel(logging.DEBUG)
            raise RuntimeError("end")

        with pytest.raises(RuntimeError, match="end"):
            run(pipeline)
        assert builtins.print is own_print
        assert (root.handlers, root.level) == (handlers, level)
        shown = capsys.readouterr().out
        assert shown == "    pusher: done before, reused\n"
        log = (tmp_path / "pipeline.log").read_text()
        assert log == "INFO - Task pusher cache hit (key=1)\nto the log\n"
