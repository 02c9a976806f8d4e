"""One step of FGSM against NumPy, and the accuracy after it."""

import numpy as np
import pytest
import tensorflow as tf

from mp_keras.few_shot import fgsm
from tests.few_shot import tasks

pytestmark = pytest.mark.usefixtures("eagerly")

_, _, IMAGES, LABELS = tasks.make_task()


@pytest.fixture(scope="module")
def learner():
    return tasks.make_learner(spread=0.5)


def expected_step(learner, norm):
    """The direction by hand, from the learner's own gradient."""
    values = learner.values()
    gradient = learner.image_gradient(values, IMAGES, LABELS).numpy()
    flat = gradient.reshape(len(gradient), -1)
    sizes = {
        "linf": np.abs(flat),
        "l2": np.sqrt((flat**2).sum(axis=1, keepdims=True)),
        "l1": np.abs(flat).sum(axis=1, keepdims=True),
    }[norm]
    return (flat / sizes).reshape(gradient.shape)


class AttackTest:
    @pytest.mark.parametrize(
        ("norm", "epsilon"), [("linf", 0.1), ("l2", 1.5), ("l1", 20.0)]
    )
    def test_is_one_step_and_a_clip(self, learner, norm, epsilon):
        step = expected_step(learner, norm)
        attacked = fgsm.attack(
            learner, learner.values(), IMAGES, LABELS, epsilon, norm
        )
        np.testing.assert_allclose(
            attacked, np.clip(IMAGES + epsilon * step, 0, 1), atol=1e-5
        )

    def test_gradient_is_that_of_the_mean_loss_of_all_queries(self, learner):
        attacked = fgsm.attack(learner, learner.values(), IMAGES, LABELS, 1e-3)
        image, row, column = 2, 5, 7
        steps = []
        for sign in (1, -1):
            moved = IMAGES.numpy().copy()
            moved[image, row, column] += sign * 1e-2
            loss, _ = learner.query_loss(learner.values(), moved, LABELS)
            steps.append(float(loss))
        went = (attacked - IMAGES)[image, row, column, 0]
        assert np.sign(went) == np.sign(steps[0] - steps[1])

    @pytest.mark.parametrize("norm", fgsm.NORMS)
    def test_epsilon_of_zero_changes_nothing(self, learner, norm):
        attacked = fgsm.attack(
            learner, learner.values(), IMAGES, LABELS, 0.0, norm
        )
        np.testing.assert_array_equal(attacked, IMAGES)

    @pytest.mark.parametrize("norm", fgsm.NORMS)
    def test_image_without_gradient_stays(self, norm):
        learner = tasks.make_learner(spread=0.0)
        attacked = fgsm.attack(
            learner, learner.values(), IMAGES, LABELS, 0.3, norm
        )
        np.testing.assert_array_equal(attacked, IMAGES)

    def test_raises_the_loss(self, learner):
        values = learner.values()
        attacked = fgsm.attack(learner, values, IMAGES, LABELS, 0.02)
        before, _ = learner.query_loss(values, IMAGES, LABELS)
        after, _ = learner.query_loss(values, attacked, LABELS)
        assert after > 1.05 * before

    @pytest.mark.parametrize(
        ("epsilon", "norm", "match"),
        [
            (-0.1, "linf", "`epsilon` must be.*epsilon=-0.1"),
            (float("nan"), "l2", "`epsilon`.*nan"),
            (0.1, "l3", r"\('linf', 'l2', 'l1'\).*'l3'"),
        ],
    )
    def test_wrong_arguments(self, learner, epsilon, norm, match):
        with pytest.raises(ValueError, match=match):
            fgsm.attack(learner, {}, IMAGES, LABELS, epsilon, norm)


class RobustAccuracyTest:
    def test_counts_right_answers_to_attacked_images(self, learner):
        values = learner.values()
        radii = {"linf": (0.0, 0.05), "l2": (3.0,)}
        found = fgsm.robust_accuracy(learner, values, IMAGES, LABELS, radii)
        for norm, epsilons in radii.items():
            for epsilon, share in zip(epsilons, found[norm], strict=True):
                attacked = fgsm.attack(
                    learner, values, IMAGES, LABELS, epsilon, norm
                )
                answers = np.argmax(learner.logits(values, attacked), axis=1)
                hits = np.mean(answers == LABELS.numpy())
                assert float(share) == pytest.approx(100 * hits)

    def test_falls_with_epsilon(self, learner):
        values = learner.values()
        answers = tf.argmax(learner.logits(values, IMAGES), axis=1)
        found = fgsm.robust_accuracy(
            learner, values, IMAGES, answers, {"linf": (0.0, 0.2)}
        )
        clean, attacked = found["linf"].numpy()
        assert clean == 100 and attacked < 100

    def test_unknown_norm_is_found_first(self, learner):
        with pytest.raises(ValueError, match="`norm` must be one of"):
            fgsm.robust_accuracy(learner, {}, IMAGES, LABELS, {"l0": (1,)})
