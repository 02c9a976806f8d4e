"""Figure 7: one scale for all surfaces, directions the right way round."""

import numpy as np
import pytest
from matplotlib import contour

from mp_keras.evaluation import loss_surface as surfaces
from pipeline.figures import loss_surface
from pipeline.figures import saving

OFFSETS = np.linspace(-1, 1, 5)


def make_surface(factor=1.0):
    """Rises along the first direction alone."""
    losses = factor * np.repeat(1 + OFFSETS[:, None], 5, axis=1) + 0.1
    return surfaces.LossSurface(OFFSETS, losses)


def contours(panel):
    return [
        part
        for part in panel.get_children()
        if isinstance(part, contour.ContourSet)
    ]


class DrawTest:
    def test_levels_are_shared_and_end_with_the_flattest_surface(
        self, tmp_path
    ):
        figure = loss_surface.draw(
            {"base": make_surface(10), "meta_perturb": make_surface()}
        )
        saving.save(figure, tmp_path / "figure7")
        base, ours, bar = figure.axes
        (filled, _), (again, _) = contours(base), contours(ours)
        np.testing.assert_allclose(filled.levels[[0, -1]], [0.1, 2.1])
        np.testing.assert_array_equal(filled.levels, again.levels)
        assert bar.get_ylabel() == "training loss (nats)"
        assert [p.get_title() for p in (base, ours)] == ["Base", "MetaPerturb"]

    def test_first_direction_goes_to_the_right(self):
        figure = loss_surface.draw({"base": make_surface()})
        _, lines = contours(figure.axes[0])
        for path, level in zip(lines.get_paths(), lines.levels):
            inside = path.vertices[:, 0]
            if 0.15 < level < 2:  # loss 1.1 + x, linear between the points
                np.testing.assert_allclose(inside, level - 1.1, atol=1e-6)

    def test_flat_surface(self, tmp_path):
        flat = surfaces.LossSurface(OFFSETS, np.zeros((5, 5)))
        saving.save(loss_surface.draw({"base": flat}), tmp_path / "flat")

    def test_wrong_surfaces_raise(self):
        with pytest.raises(
            ValueError, match=r"at least one .*Received: .*\[\]"
        ):
            loss_surface.draw({})
        broken = surfaces.LossSurface(OFFSETS, np.full((5, 5), np.nan))
        with pytest.raises(ValueError, match="finite losses"):
            loss_surface.draw({"base": broken})

    def test_overflow_is_drawn_as_the_highest_level(self):
        offsets = np.array([-1.0, 0.0, 1.0])
        losses = np.array([[9, 4, 9], [4, 1, 4], [9, 4, 9.0]])
        broken = losses.copy()
        broken[0, 0], broken[2, 2] = np.inf, np.nan
        whole, overflowed = (
            loss_surface.draw({"base": surfaces.LossSurface(offsets, each)})
            for each in (losses, broken)
        )
        fills = [
            figure.axes[0].collections[0].get_paths()[-1].vertices
            for figure in (whole, overflowed)
        ]
        np.testing.assert_allclose(*fills)
