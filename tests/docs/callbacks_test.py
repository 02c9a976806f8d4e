"""The page "Callbacks that go with φ", as far as this environment runs it."""

import keras
import numpy as np

from tests.environments import markdown_code


def coefficients(model):
    return [
        float(layer.noise_coefficient)
        for layer in model.layers
        if hasattr(layer, "noise_coefficient")
    ]


class CallbacksPageTest:
    def test_the_best_epoch_samples(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        names = markdown_code.run("callbacks.md", "The best epoch")
        assert coefficients(names["model"]) == [1, 1]
        assert coefficients(names["loaded"]) == [1, 1]
        assert names["stop"].best_epoch >= 6  # 0.4 of 15
        assert isinstance(names["loaded"], keras.Model)

    def test_several_fits_are_one_ramp(self):
        names = markdown_code.run(
            "callbacks.md", "Several fits for one training"
        )
        # Of the last step of each epoch of 4; the ramp has 8 steps.
        np.testing.assert_allclose(
            names["coefficients"], [3 / 8, 7 / 8, 1, 1, 1]
        )
