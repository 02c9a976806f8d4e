"""Trainings that are killed dozens of times end as the unbroken ones."""

import pytest

import mp_keras
from tests import patterns
from tests import squares
from tests.crash import attempts
from tests.crash import comparisons
from tests.crash import killing
from tests.crash import runs

_RANDOM_KILLS = 20


@pytest.fixture
def kill(tmp_path):
    """Kills a run everywhere; checks and returns the report."""

    def kill(run, arguments, assert_same):
        notes = tmp_path / "notes"
        notes.mkdir()
        tries = attempts.Attempts(run, arguments, notes)
        killer = killing.Killing(tries, tmp_path, assert_same)
        killer.at_operations()
        killer.at_random(_RANDOM_KILLS)
        print(killer.report)
        assert killer.report.missed == ()
        assert killer.report.kills + killer.report.random_kills >= 50
        return killer

    return kill


@pytest.mark.crash
class TrainingsTest:
    def test_meta_training(self, kill, tmp_path):
        source = squares.write_npz(tmp_path / "squares.npz")
        kill(runs.meta_train, (source,), comparisons.assert_same_meta_training)

    def test_target_training(self, kill, tmp_path):
        source = squares.write_npz(tmp_path / "squares.npz")
        phi = mp_keras.PerturbationFunction(seed=0)
        mp_keras.save_perturbation(phi, tmp_path / "phi", 64, 32)
        arguments = source, str(tmp_path / "phi")
        kill(
            runs.train_target,
            arguments,
            comparisons.assert_same_target_training,
        )

    def test_few_shot_training(self, kill, tmp_path):
        source = patterns.write_npz(tmp_path / "patterns.npz")
        kill(
            runs.few_shot_train,
            (source,),
            comparisons.assert_same_few_shot_training,
        )
