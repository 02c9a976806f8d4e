"""The geometry of figure 4, by hand."""

import numpy as np
import pytest
import tensorflow as tf

from mp_keras.few_shot import block_outputs
from mp_keras.few_shot import decision_boundary
from mp_keras.few_shot import meta_dropout
from tests.few_shot import tasks

pytestmark = pytest.mark.usefixtures("eagerly")

TASK = tasks.make_task()
SUPPORT, QUERY = TASK[:2], TASK[2:]


def make_views(learner, **options):
    return decision_boundary.view_boundaries(
        learner,
        learner.values(),
        SUPPORT,
        QUERY,
        tasks.SEED,
        (2, 0),
        samples=2,
        **options,
    )


class ProjectTest:
    def test_by_hand(self):
        kernel = np.array([[3.0, 0.0, 9.0], [0.0, -4.0, 9.0]])
        bias = np.array([1.0, -9.0, 9.0])
        # The normal is (3, 4) / 5.
        x, remainder, boundary = decision_boundary.project(
            np.array([[5.0, 10.0], [4.0, -3.0]]), kernel, bias, (0, 1)
        )
        np.testing.assert_allclose(x, [11, 0], atol=1e-12)
        np.testing.assert_allclose(remainder, [[-1.6, 1.2], [4, -3]])
        assert boundary == pytest.approx(-10 / 5)

    def test_side_is_the_answer_and_remainder_is_orthogonal(self):
        rng = np.random.default_rng(0)
        features = rng.normal(size=(200, 7))
        kernel, bias = rng.normal(size=(7, 4)), rng.normal(size=4)
        x, remainder, boundary = decision_boundary.project(
            features, kernel, bias, (3, 1)
        )
        logits = features @ kernel + bias
        wins = logits[:, 3] > logits[:, 1]
        np.testing.assert_array_equal(x > boundary, wins)
        assert 20 < wins.sum() < 180
        normal = kernel[:, 3] - kernel[:, 1]
        np.testing.assert_allclose(remainder @ normal, 0, atol=1e-12)
        restored = remainder + np.outer(x, normal / np.linalg.norm(normal))
        np.testing.assert_allclose(restored, features)

    def test_classes_of_the_same_weights(self):
        with pytest.raises(ValueError, match="`classes`.*different weights"):
            decision_boundary.project(
                np.ones((2, 3)), np.ones((3, 2)), np.zeros(2), (0, 1)
            )


class ViewBoundariesTest:
    def test_points_of_both_classes(self):
        learner = tasks.make_learner(meta_dropout.MetaDropout(), spread=0.5)
        (view,) = make_views(learner, steps=(1,), copies=10)
        kinds, counts = np.unique(view.kinds, return_counts=True)
        assert kinds.tolist() == ["noisy", "query", "support"]
        assert counts.tolist() == [40, 4, 4]
        for array in (view.x, view.y, view.labels, view.examples):
            assert array.shape == (48,)
        assert view.step == 1
        assert np.isfinite(view.y).all()
        noisy = view.kinds == "noisy"
        for label in (0, 1):
            for example in (0, 1):
                same = (view.labels == label) & (view.examples == example)
                assert (same & noisy).sum() == 10
                assert view.x[same & noisy].std() > 0

    def test_query_points_lie_on_the_side_of_their_answer(self):
        learner = tasks.make_learner(spread=0.5, inner_rate=0.5)
        (view,) = make_views(learner, steps=(2,))
        adapted, _ = learner.adapt(learner.values(), *SUPPORT, tasks.SEED)
        logits = block_outputs.clean_outputs(
            learner.network, adapted, QUERY[0]
        )[-1].numpy()
        ours = np.concatenate(
            [np.flatnonzero(QUERY[1] == label) for label in (2, 0)]
        )
        right = logits[ours, 2] > logits[ours, 0]
        queried = view.kinds == "query"
        np.testing.assert_array_equal(view.x[queried] > view.boundary, right)

    def test_every_inner_step_by_default_and_none_before_the_first(self):
        learner = tasks.make_learner(spread=0.5)
        views = make_views(learner)
        assert [view.step for view in views] == [0, 1, 2]
        assert "noisy" not in views[0].kinds  # MAML draws nothing
        values = learner.values()
        kernel = values["logits/kernel"].numpy()
        bias = values["logits/bias"].numpy()
        length = np.linalg.norm(kernel[:, 2] - kernel[:, 0])
        assert views[0].boundary == pytest.approx((bias[0] - bias[2]) / length)
        assert views[0].boundary != views[1].boundary

    def test_same_seed_gives_the_same_points(self):
        learner = tasks.make_learner(meta_dropout.MetaDropout(), spread=0.5)
        one, two = (make_views(learner, steps=(2,))[0] for _ in range(2))
        np.testing.assert_array_equal(one.x, two.x)
        np.testing.assert_array_equal(one.y, two.y)

    @pytest.mark.parametrize(
        ("options", "match"),
        [
            ({"steps": (3,)}, r"0 to 2.*steps=\[3\]"),
            ({"steps": ()}, r"at least one.*\[\]"),
        ],
    )
    def test_wrong_steps(self, options, match):
        with pytest.raises(ValueError, match=match):
            make_views(tasks.make_learner(), **options)

    @pytest.mark.parametrize("classes", [(1, 1), (0, 3)])
    def test_wrong_classes(self, classes):
        learner = tasks.make_learner()
        with pytest.raises(ValueError, match=r"in \[0, 3\)"):
            decision_boundary.view_boundaries(
                learner, {}, SUPPORT, QUERY, tf.constant([0, 0]), classes
            )
