"""Figure 6: every channel is a dot, the line their mean."""

import numpy as np
import pytest

from pipeline.figures import saving
from pipeline.figures import scale

POSITIONS = [np.array([0.2, 0.4]), np.array([0.5, 0.6, 1.0])]


class DrawTest:
    def test_dots_and_line_carry_the_scales(self, tmp_path):
        figure = scale.draw({"CUB": POSITIONS})
        saving.save(figure, tmp_path / "figure6")
        *dots, line = figure.axes[0].get_lines()
        for number, (dot, expected) in enumerate(zip(dots, POSITIONS), 1):
            np.testing.assert_array_equal(dot.get_ydata(), expected)
            assert np.all(np.abs(dot.get_xdata() - number) < 0.5)
        np.testing.assert_array_equal(line.get_xdata(), [1, 2])
        np.testing.assert_allclose(line.get_ydata(), [0.3, 0.7])

    def test_data_sets_fill_rows_of_three(self):
        names = ["A", "B", "C", "D"]
        figure = scale.draw(dict.fromkeys(names, POSITIONS))
        assert [panel.get_title() for panel in figure.axes] == names
        assert {panel.get_ylim() for panel in figure.axes} == {(0, 1)}
        assert figure.get_supylabel() == "scale s of a channel"

    @pytest.mark.parametrize("data", [{}, {"CUB": []}])
    def test_nothing_to_draw(self, data):
        with pytest.raises(ValueError, match="`scales` must not be empty"):
            scale.draw(data)

    @pytest.mark.parametrize("wrong", [[], [0.5, 1.5], [np.nan]])
    def test_scales_must_lie_between_0_and_1(self, wrong):
        with pytest.raises(ValueError, match="position 2 of CUB"):
            scale.draw({"CUB": [[0.5], wrong]})
