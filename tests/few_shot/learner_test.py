"""Inner steps and outer gradients, against finite differences and by hand."""

import numpy as np
import pytest
import tensorflow as tf

from mp_keras.few_shot import learner as learner_module
from mp_keras.few_shot import meta_dropout
from tests.few_shot import tasks

STEP = 1e-7  # small: a ReLU or a pool that switches is no derivative


def outer_loss(learner, values, samples=1):
    support, labels, query, answers = tasks.make_task(dtype="float64")
    adapted, _ = learner.adapt(values, support, labels, tasks.SEED, samples)
    return learner.query_loss(adapted, query, answers)[0]


def outer_gradient(learner, samples=1):
    values = learner.values()
    with tf.GradientTape() as tape:
        tape.watch(values)
        loss = outer_loss(learner, values, samples)
    return tape.gradient(loss, values)


def difference(loss_of, values, name, index):
    """The central difference of a loss in one number of a weight."""
    losses = []
    for sign in (1, -1):
        moved = values[name].numpy()
        moved[index] += sign * STEP
        losses.append(float(loss_of({**values, name: tf.constant(moved)})))
    return (losses[0] - losses[1]) / (2 * STEP)


class SecondOrderTest:
    @pytest.mark.parametrize(
        ("perturbation", "options"),
        [
            (None, {}),
            (None, {"learn_rates": True}),
            (meta_dropout.MetaDropout(logits="multiplicative"), {}),
            (meta_dropout.MetaDropout(), {}),
            (
                meta_dropout.MetaDropout(
                    "exponential", "multiplicative", learned_deviation=True
                ),
                {"learn_rates": True},
            ),
        ],
        ids=["maml", "meta_sgd", "multiplicative", "additive", "all"],
    )
    def test_every_weight_against_finite_differences(
        self, perturbation, options
    ):
        learner = tasks.make_learner(
            perturbation, spread=0.25, dtype="float64", **options
        )
        gradients = outer_gradient(learner)
        loss_of = tf.function(lambda values: outer_loss(learner, values))
        rng = np.random.default_rng(0)
        for name, gradient in gradients.items():
            index = tuple(rng.integers(gradient.shape))
            expected = difference(loss_of, learner.values(), name, index)
            assert float(gradient[index]) == pytest.approx(
                expected, rel=1e-4, abs=1e-7
            ), name

    def test_several_noise_samples(self):
        learner = tasks.make_learner(
            meta_dropout.MetaDropout(), spread=0.4, dtype="float64"
        )
        gradient = outer_gradient(learner, samples=3)
        index = (1, 1, 0, 2)
        name = "block_0/noise_kernel"
        expected = difference(
            lambda values: outer_loss(learner, values, samples=3),
            learner.values(),
            name,
            index,
        )
        assert float(gradient[name][index]) == pytest.approx(expected, rel=1e-4)

    def test_noise_that_acts_in_the_inner_steps_alone_has_a_gradient(self):
        """Of the additive noise the query pass has nothing."""
        learner = tasks.make_learner(meta_dropout.MetaDropout(), spread=0.4)
        support, labels, query, answers = tasks.make_task()
        values = learner.values()
        with tf.GradientTape() as tape:
            tape.watch(values)
            adapted, _ = learner.adapt(values, support, labels, tasks.SEED)
            loss, _ = learner.query_loss(adapted, query, answers)
        gradient = tape.gradient(loss, values)["logits/noise_kernel"]
        assert np.any(gradient != 0)


class AdaptTest:
    def test_one_step_by_hand(self):
        learner = tasks.make_learner(spread=0.5, inner_steps=1)
        support, labels, *_ = tasks.make_task()
        values = learner.values()
        theta = {n: values[n] for n in learner.network.names("adapted")}
        with tf.GradientTape() as tape:
            tape.watch(theta)
            expected, _ = learner.query_loss(
                {**values, **theta}, support, labels
            )
        gradients = tape.gradient(expected, theta)
        adapted, loss = learner.adapt(values, support, labels, [0, 0])
        assert float(loss) == pytest.approx(float(expected), rel=1e-6)
        for name, gradient in gradients.items():
            np.testing.assert_allclose(
                adapted[name], values[name] - 0.1 * gradient, atol=1e-6
            )

    def test_only_theta_changes(self):
        learner = tasks.make_learner(
            meta_dropout.MetaDropout(), spread=0.5, learn_rates=True
        )
        support, labels, *_ = tasks.make_task()
        values = learner.values()
        adapted, _ = learner.adapt(values, support, labels, [0, 0])
        changed = {n for n in values if np.any(adapted[n] != values[n])}
        assert changed == set(learner.network.names("adapted"))

    def test_more_steps_lower_the_support_loss(self):
        support, labels, *_ = tasks.make_task()
        losses = []
        for steps in (1, 20):
            learner = tasks.make_learner(spread=0.5, inner_steps=steps)
            losses.append(
                learner.adapt(learner.values(), support, labels, [0, 0])[1]
            )
        assert float(losses[1]) < 0.8 * float(losses[0])

    def test_meta_sgd_starts_as_maml_and_has_a_rate_a_number(self):
        support, labels, *_ = tasks.make_task()
        plain = tasks.make_learner(spread=0.5)
        rated = tasks.make_learner(spread=0.5, learn_rates=True)
        results = [
            learner.adapt(learner.values(), support, labels, [0, 0])[0]
            for learner in (plain, rated)
        ]
        for name in plain.specs:
            np.testing.assert_array_equal(results[0][name], results[1][name])
        values = rated.values()
        values["rate/logits/bias"] = tf.constant([0.0, 0.1, 0.2])
        adapted, _ = rated.adapt(values, support, labels, [0, 0])
        change = adapted["logits/bias"] - values["logits/bias"]
        assert float(change[0]) == 0 != float(change[1])

    def test_first_order_takes_the_gradient_at_the_end(self):
        """Of θ it is the gradient where the inner steps have led."""
        learner = tasks.make_learner(spread=0.5, first_order=True)
        support, labels, query, answers = tasks.make_task()
        values = learner.values()
        with tf.GradientTape() as tape:
            tape.watch(values)
            adapted, _ = learner.adapt(values, support, labels, [0, 0])
            loss, _ = learner.query_loss(adapted, query, answers)
        found = tape.gradient(loss, values)["block_1/kernel"]
        adapted = {n: tf.identity(value) for n, value in adapted.items()}
        with tf.GradientTape() as tape:
            tape.watch(adapted)
            loss, _ = learner.query_loss(adapted, query, answers)
        expected = tape.gradient(loss, adapted)["block_1/kernel"]
        np.testing.assert_allclose(found, expected, atol=1e-6)


class ArgumentsTest:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"inner_steps": 0}, "`inner_steps` must be at least 1"),
            ({"inner_rate": 0.0}, "`inner_rate` must be positive"),
            ({"first_order": True}, "second order.*MetaDropout"),
        ],
    )
    def test_wrong(self, options, message):
        network = tasks.make_network(meta_dropout.MetaDropout())
        with pytest.raises(ValueError, match=message):
            learner_module.FewShotLearner(network, **options)

    def test_examples_that_have_no_meaning(self):
        learner = tasks.make_learner()
        images, labels, *_ = tasks.make_task()
        values = learner.values()
        with pytest.raises(ValueError, match="floats in.*dtype uint8"):
            learner.adapt(values, tf.cast(images, "uint8"), labels, [0, 0])
        with pytest.raises(ValueError, match="`samples` must be at least 1"):
            learner.adapt(values, images, labels, [0, 0], samples=0)
        for wrong in (3, -1):
            with pytest.raises(
                tf.errors.InvalidArgumentError, match=r"lie in \[0, 3\)"
            ):
                learner.adapt(values, images, 0 * labels + wrong, [0, 0])

    def test_same_seed_starts_alike(self):
        first, again, other = (
            tasks.make_learner(seed=seed).values()["block_0/kernel"]
            for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, again)
        assert np.any(first != other)
