"""Figures 5 (d) and 9: bars are the bins of the curve."""

import numpy as np
import pytest

from mp_keras.evaluation import reliability as curves
from pipeline.figures import reliability
from pipeline.figures import saving

PROBABILITIES = [[0.6, 0.4], [0.3, 0.7], [0.0, 1.0], [0.25, 0.75]]


def make_curve(bins=4):
    return curves.reliability_curve(PROBABILITIES, [0, 0, 1, 0], bins)


class DrawTest:
    def test_bars_are_accuracies_and_darker_with_examples(self):
        figure = reliability.draw({"CUB": {"base": make_curve()}})
        (panel,) = figure.axes
        bars = [
            (bar.get_x(), bar.get_width(), bar.get_height(), bar.get_alpha())
            for bar in panel.patches
        ]
        # Three examples in (0.5, 0.75], one of them right; one in (0.75, 1].
        np.testing.assert_allclose(
            bars, [(50, 25, 100 / 3, 1), (75, 25, 100, 0.5)]
        )
        (diagonal,) = panel.get_lines()
        np.testing.assert_array_equal(
            diagonal.get_xydata(), [[0, 0], [100, 100]]
        )

    def test_error_is_written_as_the_curve_has_it(self):
        curve = make_curve()
        figure = reliability.draw({"CUB": {"base": curve}})
        error = 100 * curve.expected_calibration_error()
        assert figure.axes[0].texts[0].get_text() == f"ECE {error:.1f} %"
        assert error == pytest.approx(26.25)

    def test_method_without_a_run_says_so(self):
        nothing = curves.ReliabilityCurve(
            count=np.zeros(1),
            confidence=np.full(1, np.nan),
            accuracy=np.full(1, np.nan),
        )
        figure = reliability.draw({"CUB": {"base": nothing}})
        assert figure.axes[0].texts[0].get_text() == "no run"
        assert list(figure.axes[0].patches) == []

    def test_rows_are_data_sets_and_columns_methods(self, tmp_path):
        curve = make_curve()
        figure = reliability.draw(
            {
                "CUB": {"base": curve, "drop_block": curve},
                "Cars": {"drop_block": curve, "base": curve},
            }
        )
        saving.save(figure, tmp_path / "figure9")
        titles = [panel.get_title() for panel in figure.axes]
        assert titles == ["Base", "DropBlock", "", ""]
        labels = [panel.get_ylabel() for panel in figure.axes]
        assert labels == ["CUB\naccuracy (%)", "", "Cars\naccuracy (%)", ""]

    @pytest.mark.parametrize("data", [{}, {"CUB": {}}])
    def test_nothing_to_draw(self, data):
        with pytest.raises(ValueError, match="`curves` must not be empty"):
            reliability.draw(data)

    def test_methods_must_be_the_same(self):
        data = {"CUB": {"base": make_curve()}, "Cars": {"mixup": make_curve()}}
        with pytest.raises(ValueError, match=r"\['mixup'\] of Cars"):
            reliability.draw(data)
