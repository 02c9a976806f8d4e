"""A full disk, a read-only one, a clock that was moved: nothing is lost."""

import errno
import os

import pytest

import mp_keras
from tests import patterns
from tests import squares
from tests.crash import artifacts
from tests.crash import attempts
from tests.crash import comparisons
from tests.crash import file_operations
from tests.crash import killing
from tests.crash import runs

_DAY_S = 86400


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


@pytest.fixture
def few_shot(tmp_path):
    """Function and arguments of a few-shot training."""
    return runs.few_shot_train, patterns.write_npz(tmp_path / "patterns.npz")


@pytest.fixture
def target(tmp_path):
    """Function and arguments of a target training."""
    source = squares.write_npz(tmp_path / "squares.npz")
    phi = mp_keras.PerturbationFunction(seed=0)
    mp_keras.save_perturbation(phi, tmp_path / "phi", 64, 32)
    return runs.train_target, source, str(tmp_path / "phi")


@pytest.mark.crash
class DiskTest:
    @pytest.mark.parametrize("problem", [errno.ENOSPC, errno.EROFS])
    def test_error_at_any_operation(self, target, notes, tmp_path, problem):
        tries = attempts.Attempts(target[0], target[1:], notes, problem=problem)
        killer = killing.Killing(
            tries, tmp_path, comparisons.assert_same_target_training
        )
        killer.only(
            lambda name: not name.startswith(file_operations.NEEDS_NO_ROOM)
        )
        killer.at_operations(most=20)
        assert killer.report.missed == ()
        assert killer.report.kills == 20

    @pytest.mark.parametrize("size", [100, 1000, 4000, 20000])
    def test_files_that_must_stay_small(self, few_shot, notes, tmp_path, size):
        """The limit holds in TensorFlow's C++ as well."""
        free = attempts.Attempts(few_shot[0], few_shot[1:], notes)
        free.run(tmp_path / "unbroken")
        (notes / "limited").mkdir()
        limited = attempts.Attempts(
            runs.train_with_small_files,
            (size, *few_shot),
            notes / "limited",
            problem=errno.EFBIG,
        )
        root = tmp_path / "run"
        assert limited.run(root)
        artifacts.assert_whole(root)
        assert not free.run(root)
        comparisons.assert_same_few_shot_training(root, tmp_path / "unbroken")


@pytest.mark.crash
class ClockTest:
    def test_moved_back_between_attempts(self, few_shot, notes, tmp_path):
        tries = attempts.Attempts(few_shot[0], few_shot[1:], notes)
        tries.run(tmp_path / "unbroken")
        stop = [
            name
            for name in tries.operations()
            if name.startswith("open history.jsonl after window 3")
        ]
        root = tmp_path / "run"
        assert tries.run(root, frozenset(stop))
        for file in root.rglob("*"):  # as written tomorrow
            os.utime(file, times=(file.stat().st_mtime + _DAY_S,) * 2)
        (notes / "past").mkdir()
        past = attempts.Attempts(
            runs.train_in_the_past, (_DAY_S, *few_shot), notes / "past"
        )
        assert not past.run(root)
        comparisons.assert_same_few_shot_training(root, tmp_path / "unbroken")
