"""What two finished trainings must have in common: all but the time."""

import keras
import numpy as np

import mp_keras
from tests.crash import artifacts
from tests.pipeline import smoke
from tests.tools import processes


def result_of(root):
    return {**smoke.read_json(root / "result.json"), "seconds": None}


def left_in(root):
    """Returns what a run left, but for the names of event files."""
    return {
        file.relative_to(root).as_posix()
        for file in root.rglob("*")
        if "tensorboard" not in file.parts
        and not file.match("checkpoints/ckpt-2.*")
        and file.name != "lock"
    }


def assert_same_run(actual, expected):
    """Compares all that every training leaves."""
    processes.assert_same_run(actual, expected)
    assert result_of(actual) == result_of(expected)
    assert left_in(actual) == left_in(expected)
    ours, theirs = map(smoke.read_events, (actual, expected))
    assert ours.Tags()["tensors"] == theirs.Tags()["tensors"]


def assert_same_meta_training(actual, expected):
    assert_same_run(actual, expected)
    ours = mp_keras.load_perturbation(actual / "phi").values()
    theirs = mp_keras.load_perturbation(expected / "phi").values()
    for name, array in theirs.items():
        np.testing.assert_array_equal(ours[name], array)
    artifacts.assert_same_saved_model(actual / "phi", expected / "phi")


def assert_same_target_training(actual, expected):
    assert_same_run(actual, expected)
    ours, theirs = (
        keras.saving.load_model(root / "model.keras").get_weights()
        for root in (actual, expected)
    )
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(our, their)
    artifacts.assert_same_saved_model(
        actual / "saved_model", expected / "saved_model"
    )


def assert_same_few_shot_training(actual, expected):
    assert_same_run(actual, expected)
    artifacts.assert_same_saved_model(
        actual / "saved_model", expected / "saved_model"
    )
