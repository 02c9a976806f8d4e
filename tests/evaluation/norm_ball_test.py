"""Random starts are uniform in the ball of their norm."""

import numpy as np
import pytest

from mp_keras.evaluation import norm_ball

ORDERS = {"l1": 1, "l2": 2, "linf": np.inf}


class DrawTest:
    @pytest.mark.parametrize("norm", ORDERS)
    def test_radius_and_mean_of_a_uniform_ball(self, norm):
        points = norm_ball.draw(norm, (20_000, 1, 3), seed=0)[:, 0]
        radius = np.linalg.norm(points, ord=ORDERS[norm], axis=1)
        # The part within radius r is r^3 of the ball, whatever the norm.
        for part in (0.3, 0.7, 0.9):
            assert np.mean(radius <= part) == pytest.approx(part**3, abs=0.01)
        assert radius.max() <= 1 + 1e-6
        np.testing.assert_allclose(points.mean(axis=0), 0, atol=0.01)
        # The coordinates of a ball are alike.
        spread = points.std(axis=0)
        np.testing.assert_allclose(spread, spread.mean(), rtol=0.03)

    def test_seed_repeats_and_changes_the_points(self):
        first, again, other = (
            norm_ball.draw("l2", (4, 2, 2, 1), seed) for seed in (1, 1, 2)
        )
        assert first.shape == (4, 2, 2, 1)
        np.testing.assert_array_equal(first, again)
        assert np.all(first != other)
