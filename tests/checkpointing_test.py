"""Checkpoints: whole, the newest, of this run; or an error that says so."""

import time

import numpy as np
import pytest
import tensorflow as tf

from mp_keras import checkpointing

INDEX, DATA = "index", "data-00000-of-00001"


def make_state(value=0.0):
    return {
        "weights": [tf.Variable([value, value]), tf.Variable([[value]])],
        "streams": [tf.Variable(int(value), dtype=tf.int64)],
    }


def fill(state, value):
    for variables in state.values():
        for variable in variables:
            variable.assign(np.full(variable.shape, value))


def assert_filled(state, value):
    for variables in state.values():
        for variable in variables:
            np.testing.assert_array_equal(
                variable, np.full(variable.shape, value)
            )


def assert_restored(folder, step, value):
    """By a model that knows nothing of it, from the newest checkpoint."""
    state = make_state()
    assert checkpointing.Checkpoints(folder, state).restore() == step
    assert_filled(state, value)


def save_step_15(folder):
    """As a run that goes on from the newest checkpoint; returns them."""
    state = make_state()
    checkpoints = checkpointing.Checkpoints(folder, state)
    checkpoints.restore()
    fill(state, 15)
    checkpoints.save(15)
    return checkpoints


@pytest.fixture
def saved(tmp_path):
    """A folder with the checkpoints of steps 5 and 10, filled with these."""
    state = make_state()
    checkpoints = checkpointing.Checkpoints(tmp_path, state)
    for step in (5, 10):
        fill(state, step)
        checkpoints.save(step)
    return tmp_path


class RestoreTest:
    def test_newest_wins(self, saved):
        state = make_state()
        checkpoints = checkpointing.Checkpoints(saved, state)
        assert checkpoints.latest_path == str(saved / "ckpt-10")
        assert checkpoints.restore() == 10
        assert_filled(state, 10)

    def test_older_one_by_its_step(self, saved):
        state = make_state()
        checkpoints = checkpointing.Checkpoints(saved, state)
        assert checkpoints.steps == [5, 10]
        assert checkpoints.restore(5) == 5
        assert_filled(state, 5)
        fill(state, 11)
        checkpoints.save(10)  # replaces what stood there
        assert_restored(saved, 10, 11)

    def test_step_0_is_none(self, saved):
        state = make_state(3.0)
        assert checkpointing.Checkpoints(saved, state).restore(0) == 0
        assert_filled(state, 3)

    def test_step_that_is_not_kept_raises(self, saved):
        checkpoints = checkpointing.Checkpoints(saved, make_state())
        message = r"`step` must be one of \[5, 10\](.|\n)*step=7"
        with pytest.raises(ValueError, match=message):
            checkpoints.restore(7)

    def test_without_any_nothing_changes(self, tmp_path):
        state = make_state(3.0)
        checkpoints = checkpointing.Checkpoints(tmp_path / "new", state)
        assert checkpoints.latest_path is None
        assert checkpoints.restore() == 0
        assert_filled(state, 3)

    def test_older_ones_are_removed(self, saved):
        save_step_15(saved)
        left = sorted(file.name for file in saved.glob("*.index"))
        assert left == ["ckpt-10.index", "ckpt-15.index"]
        assert_restored(saved, 15, 15)

    def test_half_written_one_is_never_loaded(self, saved):
        """Killed before the file `checkpoint` points to it."""
        for suffix in (INDEX, DATA):
            content = (saved / f"ckpt-10.{suffix}").read_bytes()
            (saved / f"ckpt-15.{suffix}").write_bytes(content[:-7])
        (saved / f"ckpt-20.{DATA}").write_bytes(b"begun")
        assert_restored(saved, 10, 10)

    def test_step_is_saved_again_after_a_kill(self, saved):
        (saved / f"ckpt-15.{DATA}").write_bytes(b"begun")
        save_step_15(saved)
        assert_restored(saved, 15, 15)


class SaveTest:
    def test_clock_moved_back_changes_nothing(self, saved, monkeypatch):
        monkeypatch.setattr(time, "time", lambda: 1e6)
        assert checkpointing.Checkpoints(saved, make_state()).steps == [5, 10]
        assert save_step_15(saved).steps == [10, 15]
        left = sorted(file.name for file in saved.glob("*.index"))
        assert left == ["ckpt-10.index", "ckpt-15.index"]

    def test_removes_what_killed_processes_left(self, saved):
        (saved / "ckpt-7.index").write_bytes(b"never listed")
        (saved / "ckpt-15_temp").mkdir()
        (saved / ".partial-1").write_bytes(b"half")
        (saved / "worker_1").mkdir()
        state = make_state()
        checkpoints = checkpointing.Checkpoints(saved, state)
        checkpoints.restore()
        checkpoints.save(15)
        names = {f"ckpt-{k}.{s}" for k in (10, 15) for s in (INDEX, DATA)}
        left = {entry.name for entry in saved.iterdir()}
        assert left == names | {"checkpoint", "worker_1"}

    def test_written_as_tensorflow_lists_them(self, saved):
        assert tf.train.latest_checkpoint(str(saved)) == str(saved / "ckpt-10")
        state = make_state()
        tensors = {name: list(v) for name, v in state.items()}
        step = tf.Variable(0, dtype=tf.int64)
        manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(step=step, **tensors), str(saved), 2
        )
        manager.restore_or_initialize()
        assert_filled(state, 10)
        step.assign(20)
        manager.save(checkpoint_number=20)  # as older versions saved them
        assert_restored(saved, 20, 10)

    def test_full_disk_is_named_and_older_ones_stay(self, saved, monkeypatch):
        def fail(*arguments):
            words = "No space left on device"
            raise tf.errors.ResourceExhaustedError(None, None, words)

        state = make_state()
        checkpoints = checkpointing.Checkpoints(saved, state)
        monkeypatch.setattr(tf.train.Checkpoint, "write", fail)
        message = "ckpt-15 must be writable(.|\n)*make room(.|\n)*No space"
        with pytest.raises(OSError, match=message):
            checkpoints.save(15)
        assert checkpoints.steps == [5, 10]
        assert checkpoints.restore() == 10
        assert_filled(state, 10)

    @pytest.mark.parametrize("number", [np.nan, np.inf])
    def test_numbers_that_are_not_finite_are_refused(self, saved, number):
        state = make_state()
        checkpoints = checkpointing.Checkpoints(saved, state)
        state["weights"][1].assign([[number]])
        message = "`weights` must be finite(.|\n)*step 15(.|\n)*ckpt-10"
        with pytest.raises(FloatingPointError, match=message):
            checkpoints.save(15)
        assert checkpoints.restore() == 10
        assert_filled(state, 10)


class DamageTest:
    @pytest.mark.parametrize("suffix", [INDEX, DATA])
    @pytest.mark.parametrize("kept", [0, 10, 0.5, -1])
    def test_truncated_file_raises_and_names_it(self, saved, suffix, kept):
        file = saved / f"ckpt-10.{suffix}"
        content = file.read_bytes()
        size = int(kept * len(content)) if kept == 0.5 else kept
        file.write_bytes(content[:size])
        checkpoints = checkpointing.Checkpoints(saved, make_state())
        message = "ckpt-10 must be a whole checkpoint(.|\n)*Remove its files"
        with pytest.raises(ValueError, match=message):
            checkpoints.restore()

    @pytest.mark.parametrize("suffix", [INDEX, DATA])
    def test_missing_file_raises_and_names_it(self, saved, suffix):
        (saved / f"ckpt-10.{suffix}").unlink()
        checkpoints = checkpointing.Checkpoints(saved, make_state())
        with pytest.raises(ValueError, match="ckpt-10 must be a whole"):
            checkpoints.restore()

    def test_advice_leads_to_the_older_one(self, saved):
        for suffix in (INDEX, DATA):
            (saved / f"ckpt-10.{suffix}").unlink()
        pointer = saved / "checkpoint"
        pointer.write_text(pointer.read_text().replace("ckpt-10", "ckpt-5"))
        assert_restored(saved, 5, 5)


class OtherModelTest:
    @pytest.mark.parametrize(
        "change",
        [
            lambda weights: weights.append(tf.Variable(1.0)),
            lambda weights: weights.pop(),
            lambda weights: weights.__setitem__(0, tf.Variable(3 * [1.0])),
        ],
    )
    def test_other_variables_than_saved(self, saved, change):
        state = make_state()
        change(state["weights"])
        with pytest.raises(ValueError, match="ckpt-10 must be a whole"):
            checkpointing.Checkpoints(saved, state).restore()
