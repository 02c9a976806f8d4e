"""Figures 5 and 8 carry the accuracies that they are given."""

import numpy as np
import pytest

from pipeline.figures import robustness
from pipeline.figures import saving

BASE = {"epsilons": [0, 0.1, 0.2], "accuracy": [[60, 20, 0], [70, 40, 10]]}
OURS = {"epsilons": [0, 0.1], "accuracy": [[80, 50]]}


class DrawTest:
    def test_lines_carry_the_data(self, tmp_path):
        figure = robustness.draw(
            {"linf": {"base": BASE, "meta_perturb": OURS}, "l1": {"base": BASE}}
        )
        saving.save(figure, tmp_path / "figure8")
        first, second = figure.axes
        base, ours = first.get_lines()
        np.testing.assert_array_equal(base.get_xdata(), BASE["epsilons"])
        np.testing.assert_array_equal(base.get_ydata(), [65, 30, 5])
        np.testing.assert_array_equal(ours.get_ydata(), [80, 50])
        assert (first.get_title(), second.get_title()) == ("ℓ∞", "ℓ₁")
        assert "pixels in [0, 1]" in first.get_xlabel()
        assert first.get_ylim()[0] == 0
        assert first.get_ylim() == second.get_ylim()

    def test_wrong_curves_raise(self):
        with pytest.raises(ValueError, match=r"empty.*nothing for \['l2'\]"):
            robustness.draw({"linf": {"base": BASE}, "l2": {}})
        wrong = {"epsilons": [0, 0.1], "accuracy": BASE["accuracy"]}
        with pytest.raises(ValueError, match=r"\(2, 3\) over \(2,\)"):
            robustness.draw({"linf": {"base": wrong}})
