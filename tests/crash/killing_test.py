"""The killing itself finds what is written carelessly."""

import errno
import json

import pytest

from tests.crash import attempts
from tests.crash import killing
from tests.crash import toy_runs


@pytest.fixture
def kill(tmp_path):
    """Kills a toy run at all operations; returns the report."""

    def kill(run, **options):
        notes = tmp_path / "notes"
        notes.mkdir()
        tries = attempts.Attempts(run, (), notes, **options)
        killer = killing.Killing(tries, tmp_path, assert_same)
        killer.at_operations()
        killer.at_random(2)
        return killer.report

    return kill


def assert_same(actual, expected):
    for root in (actual, expected):
        assert json.loads((root / "sum.json").read_text()) == 3


@pytest.mark.crash
class KillingTest:
    def test_careful_run_is_killed_at_each_operation(self, kill):
        report = kill(toy_runs.careful)
        assert report.missed == ()
        assert report.kills == report.operations > 10
        assert report.random_kills == 2

    def test_file_that_is_written_in_place_is_found(self, kill):
        with pytest.raises(AssertionError, match="sum.json is not whole"):
            kill(toy_runs.writes_in_place)

    def test_numbers_that_are_counted_twice_are_found(self, kill):
        with pytest.raises(AssertionError, match="== 3"):
            kill(toy_runs.counts_twice)

    def test_error_that_names_no_path_is_found(self, kill):
        with pytest.raises(AssertionError, match="No space left"):
            kill(toy_runs.writes_in_place, problem=errno.ENOSPC)
