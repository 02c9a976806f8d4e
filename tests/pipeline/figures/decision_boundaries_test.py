"""Figure 4 of Meta Dropout carries the points that it is given."""

import numpy as np
import pytest

from mp_keras.few_shot import decision_boundary
from pipeline.figures import decision_boundaries
from pipeline.figures import saving


def make_view(step, copies=2):
    kinds = ["support"] * 2 + ["query"] * 4 + ["noisy"] * 2 * copies
    rng = np.random.default_rng(step)
    count = len(kinds)
    return decision_boundary.BoundaryView(
        step=step,
        x=rng.normal(size=count),
        y=rng.normal(size=count),
        boundary=0.25 + step,
        labels=np.arange(count) % 2,
        kinds=np.array(kinds),
        examples=np.zeros(count, int),
    )


class DrawTest:
    def test_panels_carry_points_and_boundary(self, tmp_path):
        views = {
            "maml": [make_view(0, 0), make_view(1, 0)],
            "meta_dropout": [make_view(0), make_view(1)],
        }
        figure = decision_boundaries.draw(views)
        saving.save(figure, tmp_path / "figure4")
        assert len(figure.axes) == 4
        for panel, view in zip(figure.axes, sum(views.values(), [])):
            drawn = np.concatenate(
                [points.get_offsets() for points in panel.collections]
            )
            given = np.stack([view.x, view.y], axis=1)
            assert sorted(map(tuple, drawn)) == sorted(map(tuple, given))
            (line,) = panel.get_lines()
            assert line.get_xdata() == [view.boundary, view.boundary]
        titles = [panel.get_title() for panel in figure.axes[:2]]
        assert titles == ["before the inner steps", "after 1 inner step"]

    def test_classes_have_their_colours(self):
        view = make_view(1)
        (panel,) = decision_boundaries.draw({"maml": [view]}).axes
        for points in panel.collections:
            color = tuple(points.get_facecolor()[0][:3])
            for x, _ in points.get_offsets():
                label = view.labels[view.x == x][0]
                assert (color[2] > color[0]) == (label == 0)  # blue, orange

    def test_legend_names_what_is_there(self):
        figure = decision_boundaries.draw({"maml": [make_view(0, 0)]})
        (legend,) = figure.legends
        labels = [text.get_text() for text in legend.get_texts()]
        assert "support example" in labels and "boundary" in labels
        assert "its noisy copies" not in labels

    def test_steps_must_agree(self):
        views = {"maml": [make_view(0)], "meta_dropout": [make_view(1)]}
        with pytest.raises(ValueError, match=r"same inner steps.*\[0\].*\[1\]"):
            decision_boundaries.draw(views)

    @pytest.mark.parametrize("views", [{}, {"maml": []}])
    def test_nothing_to_draw(self, views):
        with pytest.raises(ValueError, match="`views` must not be empty"):
            decision_boundaries.draw(views)
