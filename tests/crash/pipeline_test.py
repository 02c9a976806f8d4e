"""A pipeline that is killed dozens of times ends as the unbroken one."""

import numpy as np
import pytest

import mp_keras
from tests import squares
from tests.crash import artifacts
from tests.crash import attempts
from tests.crash import killing
from tests.crash import pipeline_run
from tests.pipeline import smoke


def without_times(value):
    """Returns a JSON value without what is measured in seconds."""
    if isinstance(value, dict):
        return {
            key: without_times(inner)
            for key, inner in value.items()
            if key != "seconds"
        }
    if isinstance(value, list):
        return [without_times(inner) for inner in value]
    return value


def whole(root):
    """Checks what a person or a server may open; `steps/` is the engine's."""
    for entry in root.iterdir():
        if entry.name != "steps":
            artifacts.assert_whole(entry)


def assert_same_pipeline(actual, expected):
    """Compares the results, the runs and what is served."""
    whole(actual)
    ours, theirs = (
        without_times(smoke.read_json(root / "evaluation.json"))
        for root in (actual, expected)
    )
    assert ours == theirs
    for file in ("results.csv", "serving/digits/refused.json"):
        assert (actual / file).read_text() == (expected / file).read_text()
    assert shown_in(actual) == shown_in(expected)
    ours, theirs = map(runs_of, (actual, expected))
    assert [key for key, _ in ours] == [key for key, _ in theirs]
    for (_, our), (_, their) in zip(ours, theirs):
        assert_same_run(our, their)
    artifacts.assert_same_saved_model(
        actual / "serving" / "digits" / "1",
        expected / "serving" / "digits" / "1",
    )


def runs_of(root):
    """Returns stage and method of each run with its folder, sorted.

    Their full names depend on the workdir.
    """
    return sorted(
        (
            run.name.partition("-")[0]
            + smoke.read_json(run / "config.json").get("method", ""),
            run,
        )
        for run in (root / "runs").iterdir()
    )


def assert_same_run(actual, expected):
    ours, theirs = (root / "history.jsonl" for root in (actual, expected))
    assert ours.read_text() == theirs.read_text()
    if (expected / "saved_model").exists():
        artifacts.assert_same_saved_model(
            actual / "saved_model", expected / "saved_model"
        )
        return
    ours, theirs = (
        mp_keras.load_perturbation(root / "phi").values()
        for root in (actual, expected)
    )
    for name, array in theirs.items():
        np.testing.assert_array_equal(ours[name], array)


def shown_in(root):
    """Returns the files of a finished pipeline that are for its user."""
    return {
        file.relative_to(root).as_posix()
        for file in root.rglob("*")
        if not {"steps", "tensorboard", "runs"} & set(file.parts)
    }


@pytest.mark.crash
class PipelineTest:
    def test_killed_at_writes_and_at_random_moments(self, tmp_path):
        source = squares.write_npz(tmp_path / "squares.npz")
        notes = tmp_path / "notes"
        notes.mkdir()
        tries = attempts.Attempts(
            pipeline_run.run_pipeline,
            (source,),
            notes,
            in_groups=True,
        )
        killer = killing.Killing(tries, tmp_path, assert_same_pipeline, whole)
        killer.at_operations(most=40)
        killer.at_random(15, longest_s=10)
        print(killer.report)
        assert killer.report.missed == ()
        assert killer.report.kills + killer.report.random_kills >= 50
