"""The page "Callbacks that go with φ", as far as this environment runs it."""

import pathlib

import keras
import numpy as np

from tests.environments import markdown_code

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "callbacks.md"


def run(heading):
    """Runs the code under a heading; returns its names."""
    names = {"__name__": "page"}
    code = markdown_code.code_under(PAGE, heading)
    exec(compile(code, PAGE, "exec"), names)
    return names


def coefficients(model):
    return [
        float(layer.noise_coefficient)
        for layer in model.layers
        if hasattr(layer, "noise_coefficient")
    ]


class CallbacksPageTest:
    def test_the_best_epoch_samples(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        names = run("The best epoch")
        assert coefficients(names["model"]) == [1, 1]
        assert coefficients(names["loaded"]) == [1, 1]
        assert names["stop"].best_epoch >= 6  # 0.4 of 15
        assert isinstance(names["loaded"], keras.Model)

    def test_several_fits_are_one_ramp(self):
        names = run("Several fits for one training")
        # Of the last step of each epoch of 4; the ramp has 8 steps.
        np.testing.assert_allclose(
            names["coefficients"], [3 / 8, 7 / 8, 1, 1, 1]
        )
