"""Figure 4 carries the curves that it is given."""

import numpy as np
import pytest

from pipeline.figures import convergence
from pipeline.figures import method_styles
from pipeline.figures import saving

STEPS = [10, 20, 40]
LOSS = [[3.0, 2.0, 1.0], [5.0, 2.0, 2.0]]
ACCURACY = [[10.0, 20.0, 30.0], [20.0, 40.0, 50.0]]
CURVES = {"steps": STEPS, "loss": LOSS, "accuracy": ACCURACY}
SINGLE = {"steps": [5, 6], "loss": [2.0, 1.0], "accuracy": [[1.0, 2.0]]}


class DrawTest:
    def test_lines_and_bands_carry_the_data(self, tmp_path):
        data = {
            "Cars": {"base": CURVES, "meta_perturb": SINGLE},
            "Aircraft": {"base": CURVES},
        }
        figure = convergence.draw(data)
        saving.save(figure, tmp_path / "figure4")
        loss, _, accuracy, _ = figure.axes
        base, ours = loss.get_lines()
        np.testing.assert_array_equal(base.get_xdata(), STEPS)
        np.testing.assert_array_equal(base.get_ydata(), [4, 2, 1.5])
        np.testing.assert_array_equal(ours.get_ydata(), [2, 1])
        (band,) = accuracy.collections  # one seed has no band
        corners = band.get_paths()[0].vertices
        for step, low, high in zip(STEPS, *ACCURACY):
            heights = corners[corners[:, 0] == step, 1]
            assert set(heights) == {low, high}

    def test_method_has_its_colour_and_one_entry(self):
        data = {name: {"base": CURVES} for name in ("Cars", "Aircraft")}
        figure = convergence.draw(data)
        color = method_styles.style_of("base").color
        assert all(p.get_lines()[0].get_color() == color for p in figure.axes)
        (legend,) = figure.legends
        assert [text.get_text() for text in legend.get_texts()] == ["Base"]

    def test_axes_name_quantity_and_unit(self):
        upper, lower = convergence.draw({"Cars": {"base": CURVES}}).axes
        assert upper.get_title() == "Cars"
        assert upper.get_ylabel() == "test loss (nats)"
        assert lower.get_ylabel() == "test accuracy (%)"
        assert lower.get_xlabel() == "training steps"
        upper, _ = convergence.draw({"x": {"base": CURVES}}, "validation").axes
        assert upper.get_ylabel() == "validation loss (nats)"

    @pytest.mark.parametrize("data", [{}, {"Cars": {}}])
    def test_nothing_to_draw(self, data):
        with pytest.raises(ValueError, match="`curves` must not be empty"):
            convergence.draw(data)

    @pytest.mark.parametrize("loss", [[1.0, 2.0], [[]], [[[1.0, 2.0, 3.0]]]])
    def test_shapes_must_agree(self, loss):
        data = {"Cars": {"base": {**CURVES, "loss": loss}}}
        with pytest.raises(ValueError, match=r"curves of `base` must .*\(3,\)"):
            convergence.draw(data)
