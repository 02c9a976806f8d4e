"""RunLog with hand-made logs: windows, checkpoints, a bad loss."""

import math
import time

import pytest
import tensorflow as tf

from pipeline.runs import run_folder
from pipeline.runs import run_log
from pipeline.runs import stopped_run
from pipeline.workers import cluster as cluster_module
from tests.pipeline import smoke


class FakeCheckpoints:
    def __init__(self, refused=None):
        self.saved = []
        self.refused = refused

    def save(self, step):
        if step == self.refused:
            raise FloatingPointError(f"nothing to save at step {step}")
        self.saved.append(step)

    @property
    def latest_path(self):
        return f"ckpt-{self.saved[-1]}" if self.saved else None


class FakeModel:
    """Keeps a running mean of the losses, as Keras' metrics do."""

    def __init__(self):
        self.losses = []

    def reset_metrics(self):
        self.losses = []


def run(tmp_path, losses, name="loss", start_step=0, **arguments):
    """Feeds losses step by step; returns folder, checkpoints, model."""
    cluster = arguments.pop("cluster", None)
    folder = run_folder.RunFolder(tmp_path, {}, cluster)
    folder.start()
    checkpoints = FakeCheckpoints(arguments.pop("refused", None))
    model = FakeModel()
    arguments = {"log_every": 2, "checkpoint_every": 4, **arguments}
    log = run_log.RunLog(
        folder,
        checkpoints,
        steps=start_step + len(losses),
        start_step=start_step,
        title="a run",
        **arguments,
    )
    log.set_model(model)
    log.on_train_begin()
    try:
        for index, loss in enumerate(losses):
            model.losses.append(loss)
            mean = sum(model.losses) / len(model.losses)
            log.on_train_batch_end(index, {name: mean})
    finally:
        log.on_train_end()
    return folder, checkpoints


class RunLogTest:
    def test_windows_hold_their_own_means(self, tmp_path):
        folder, _ = run(tmp_path, [1.0, 2.0, 4.0, 6.0, 9.0])
        assert folder.history() == [
            {"step": 2, "loss": 1.5},
            {"step": 4, "loss": 5.0},
            {"step": 5, "loss": 9.0},
        ]

    @pytest.mark.parametrize(
        ("every", "saved"),
        [(4, [4, 8, 9]), (3, [4, 8, 9]), (1, [2, 4, 6, 8, 9])],
    )
    def test_checkpoints_at_window_ends_and_at_the_end(
        self, tmp_path, every, saved
    ):
        _, checkpoints = run(tmp_path, [0.0] * 9, checkpoint_every=every)
        assert checkpoints.saved == saved

    def test_resumed_run_goes_on_counting(self, tmp_path):
        folder, checkpoints = run(tmp_path, [0.0] * 5, start_step=4)
        assert [window["step"] for window in folder.history()] == [6, 8, 9]
        assert checkpoints.saved == [8, 9]

    def test_resumed_run_adds_to_the_seconds(self, tmp_path):
        folder = run_folder.RunFolder(tmp_path, {})
        folder.start()
        folder.spend(3600.0)
        run(tmp_path, [0.0] * 5, start_step=4)
        assert 3600.0 <= folder.seconds() < 3660.0

    def test_further_numbers_come_with_each_checkpoint(self, tmp_path):
        folder, _ = run(
            tmp_path, [0.0] * 5, evaluate=lambda: {"test_loss": 0.25}
        )
        assert [window.get("test_loss") for window in folder.history()] == [
            None,
            0.25,
            0.25,
        ]
        events = smoke.read_events(tmp_path)
        shown = events.Tensors("test/loss")
        assert [event.step for event in shown] == [4, 5]

    def test_inspects_at_each_checkpoint(self, tmp_path):
        calls = []
        run(tmp_path, [0.0] * 5, inspect=lambda: calls.append(1) or [])
        assert len(calls) == 2

    def test_prints_a_line_a_window(self, tmp_path, capsys):
        run(tmp_path, [0.0, 2.0, 3.0])
        first, second = capsys.readouterr().out.splitlines()
        assert first.startswith("a run:") and "2/3" in first
        assert "loss 1.000" in first and "loss 3.000" in second

    @pytest.mark.parametrize("name", ["held_out_loss", "query_loss", "loss"])
    def test_prints_the_loss_that_there_is(self, tmp_path, capsys, name):
        run(tmp_path, [0.0, 2.0], name)
        assert "loss 1.000" in capsys.readouterr().out

    def test_time_of_a_step_is_without_that_of_the_evaluation(self, tmp_path):
        run(tmp_path, [0.0] * 4, evaluate=lambda: time.sleep(0.4) or {})
        shown = smoke.read_events(tmp_path).Tensors("time/step_ms")
        milliseconds = float(tf.make_ndarray(shown[-1].tensor_proto))
        assert milliseconds < 100

    def test_worker_that_is_not_chief_only_saves(self, tmp_path, capsys):
        cluster = cluster_module.Cluster(("worker 0", "worker 1"), ("", ""), 1)
        _, checkpoints = run(tmp_path, [0.0] * 5, cluster=cluster)
        assert checkpoints.saved == [4, 5]
        assert capsys.readouterr().out == ""
        assert [path.name for path in tmp_path.iterdir()] == ["lock.worker_1"]

    @pytest.mark.parametrize("bad", [math.nan, math.inf])
    @pytest.mark.parametrize("name", ["loss", "held_out_loss"])
    def test_bad_loss_stops_before_anything_is_kept(self, tmp_path, bad, name):
        losses = [1.0] * 5 + [bad] + [1.0] * 4
        message = (
            f"{name} must be finite. Received: {bad} at step 6(.|\n)*kpt-4"
        )
        with pytest.raises(FloatingPointError, match=message):
            run(tmp_path, losses, name)
        assert smoke.history_steps(tmp_path) == [2, 4]

    def test_bad_loss_before_any_checkpoint(self, tmp_path):
        with pytest.raises(FloatingPointError, match="none yet"):
            run(tmp_path, [math.nan])

    @pytest.mark.parametrize("losses", [[1.0] * 5 + [math.inf], [1.0] * 9])
    def test_stop_is_noted_with_its_cause_and_a_cure(self, tmp_path, losses):
        """A loss of step 6, or numbers that cannot be saved at step 8."""
        message = (
            "(must be finite|nothing to save)(.|\n)*Tasks 3(.|\n)*"
            "What to try: a smaller `learning_rate`"
        )
        with pytest.raises(FloatingPointError, match=message):
            run(tmp_path, losses, diagnose=lambda: "Tasks 3", refused=8)
        (stop,) = stopped_run.stops(tmp_path)
        assert stop["step"] == (6 if math.inf in losses else 8)


class DurationTest:
    @pytest.mark.parametrize(
        ("seconds", "words"),
        [
            (0.1, "less than a minute"),
            (61, "about 1 minute"),
            (540, "about 9 minutes"),
            (5390, "about 90 minutes"),
            (7200, "about 2 hours"),
            (9000, "about 2.5 hours"),
            (86400 * 3, "about 3 days"),
        ],
    )
    def test_words(self, seconds, words):
        assert run_log.duration(seconds) == words

    def test_said_once_after_twenty_steps(self, tmp_path, monkeypatch, capsys):
        clock = iter(range(0, 10**6, 3))  # three seconds between two looks
        monkeypatch.setattr(time, "monotonic", lambda: next(clock))
        run(tmp_path / "a", [1.0] * 120, log_every=1000)
        said = [
            line
            for line in capsys.readouterr().out.splitlines()
            if "left" in line
        ]
        assert said == ["a run: less than a minute of training left"]
        run(tmp_path / "b", [1.0] * 20, log_every=1000)
        assert "left" not in capsys.readouterr().out
