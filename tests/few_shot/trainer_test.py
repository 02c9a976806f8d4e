"""Meta-training: the outer step, replicas, and a problem that needs noise."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mp_keras import noise
from mp_keras import replicas as replicas_module
from mp_keras.few_shot import learner as learner_module
from mp_keras.few_shot import meta_dropout
from mp_keras.few_shot import perturbation as perturbation_module
from mp_keras.few_shot import trainer as trainer_module
from mp_keras.few_shot import weight_spec
from tests.few_shot import tasks


def make_trainer(replicas=1, tasks_=2, perturbation=None, **options):
    strategy = None
    if replicas == 2:
        strategy = replicas_module.mirrored_strategy(["CPU:0", "CPU:1"])

    def make_learner():
        return tasks.make_learner(perturbation, spread=0.4)

    return trainer_module.FewShotTrainer(
        make_learner, tasks_, strategy=strategy, **options
    )


def fit(trainer, steps, count=2, **options):
    parts = [tasks.make_meta_batch(count, seed) for seed in range(steps)]
    stacked = tuple(tf.stack(part) for part in zip(*parts))
    data = tf.data.Dataset.from_tensor_slices(stacked)
    trainer.fit(
        data, steps_per_epoch=steps, verbose=0, shuffle=False, **options
    )
    return [weight.numpy() for weight in trainer.learner.weights]


def one_step(trainer):
    """Returns values before, both tasks' gradients there, and values after."""
    values = trainer.learner.values()
    batch = tasks.make_meta_batch(2)
    gradients = [
        trainer.task_gradients(values, *(part[task] for part in batch))[0]
        for task in range(2)
    ]
    return values, gradients, fit(trainer, steps=1)


@pytest.fixture
def sgd():
    """At rate 1 the change of a weight is minus its gradient."""
    return keras.optimizers.SGD(1.0)


class OuterStepTest:
    def test_is_the_mean_gradient_of_the_tasks(self, sgd):
        trainer = make_trainer()
        trainer.compile(sgd, run_eagerly=True)
        values, gradients, after = one_step(trainer)
        for old, new, pair in zip(values.values(), after, zip(*gradients)):
            mean = np.clip((pair[0] + pair[1]) / 2, -3, 3)
            np.testing.assert_allclose(old - new, mean, atol=1e-5)

    def test_the_mean_is_clipped_and_not_its_parts(self, sgd):
        trainer = make_trainer(clip=0.01)
        trainer.compile(sgd, run_eagerly=True)
        values, gradients, after = one_step(trainer)
        told_apart = 0
        for old, new, pair in zip(values.values(), after, zip(*gradients)):
            change = (old - new).numpy()
            mean = np.clip((pair[0] + pair[1]) / 2, -0.01, 0.01)
            parts = sum(np.clip(part, -0.01, 0.01) for part in pair) / 2
            np.testing.assert_allclose(change, mean, atol=1e-6)
            told_apart += np.sum(np.abs(mean - parts) > 1e-3)
        assert told_apart > 0

    def test_logs(self):
        trainer = make_trainer()
        trainer.compile(run_eagerly=True)
        fit(trainer, steps=2)
        logs = {m.name: float(m.result()) for m in trainer.metrics}
        assert 0 <= logs["query_accuracy"] <= 1
        assert logs["outer_update_norm"] > 0
        assert all(np.isfinite(value) for value in logs.values())


class NoiseTest:
    def test_logs_the_norms_of_phi_alone(self, sgd):
        trainer = make_trainer(perturbation=meta_dropout.MetaDropout(), clip=1)
        trainer.compile(sgd, run_eagerly=True)
        values, gradients, after = one_step(trainer)
        found = dict.fromkeys(("grad", "weight", "update"), 0.0)
        for name, new, pair in zip(values, after, zip(*gradients)):
            if "noise_" in name:
                for key, numbers in (
                    ("grad", (pair[0] + pair[1]) / 2),
                    ("weight", new),
                    ("update", new - values[name]),
                ):
                    found[key] += np.sum(np.square(numbers))
        logs = {m.name: float(m.result()) for m in trainer.metrics}
        for key, square in found.items():
            expected = pytest.approx(np.sqrt(square), rel=1e-4)
            assert logs[f"perturb_{key}_norm"] == expected
            assert logs[f"perturb_{key}_norm"] < logs[f"outer_{key}_norm"]

    def test_maml_has_none(self):
        assert not [
            metric.name
            for metric in make_trainer().metrics
            if metric.name.startswith("perturb")
        ]

    def test_noise_begins_at_its_step(self):
        found = []
        for options, noise_from, step in (
            ({"stochastic": False}, 0, 0),
            ({}, 2, 1),
            ({}, 2, 2),
            ({}, 0, 0),
        ):
            perturbation = meta_dropout.MetaDropout(**options)
            trainer = make_trainer(
                perturbation=perturbation, noise_from=noise_from
            )
            trainer.compile()
            trainer.optimizer.iterations.assign(step)
            task = [part[0] for part in tasks.make_meta_batch(1)]
            values = trainer.learner.values()
            gradients, _ = trainer.task_gradients(values, *task)
            names = list(values)
            found.append(gradients[names.index("block_1/kernel")].numpy())
        deterministic, before, begun, always = found
        np.testing.assert_allclose(before, deterministic, atol=1e-6)
        np.testing.assert_allclose(begun, always, atol=1e-6)
        assert np.max(np.abs(always - deterministic)) > 1e-3


class ReplicasTest:
    def test_two_replicas_equal_one_and_each_other(self):
        found = []
        for replicas in (1, 2):
            trainer = make_trainer(
                replicas, 4, meta_dropout.MetaDropout(), clip=0.01
            )
            trainer.compile(keras.optimizers.SGD(0.1))
            found.append(fit(trainer, steps=2, count=4))
        for one, two in zip(*found):
            np.testing.assert_allclose(one, two, atol=1e-5)
        for weight in trainer.learner.weights:
            first, second = weight.value.values
            np.testing.assert_array_equal(first, second)

    def test_tasks_that_they_cannot_share(self):
        with pytest.raises(ValueError, match="multiple of 2.*tasks=3"):
            make_trainer(2, 3)


class ArgumentsTest:
    @pytest.mark.parametrize("clip", [0, -1.0])
    def test_clip_is_positive(self, clip):
        with pytest.raises(ValueError, match="`clip` must be positive"):
            make_trainer(clip=clip)

    def test_wrong_arguments_raise(self):
        with pytest.raises(ValueError, match="`noise_from`.*noise_from=-1"):
            make_trainer(noise_from=-1)
        with pytest.raises(ValueError, match="`perturbation` must be"):
            tasks.make_network(meta_dropout.MetaDropout)

    @pytest.mark.parametrize("wrap", [False, True])
    def test_function_makes_a_learner(self, wrap):
        wrong = tasks.make_network() if wrap else tasks.make_learner()
        given = (lambda: wrong) if wrap else wrong
        with pytest.raises(ValueError, match="`learner_fn` must be a function"):
            trainer_module.FewShotTrainer(given, 2)

    @pytest.mark.parametrize("count", [1, 3])
    def test_steps_have_the_tasks_that_were_said(self, count):
        trainer = make_trainer(tasks_=2)
        trainer.compile("sgd", run_eagerly=True)
        with pytest.raises(ValueError, match="must have 2 tasks"):
            fit(trainer, steps=1, count=count)


class TwoNumbersNetwork:
    """A linear network of two numbers per example, with noise on them or not.

    The noise acts in the inner steps alone.
    """

    classes = 2

    def __init__(self, noisy):
        self.perturbation = perturbation_module.Perturbation()
        specs = [weight_spec.WeightSpec("kernel", (2, 2), weight_spec.ADAPTED)]
        if noisy:
            specs.append(
                weight_spec.WeightSpec("noise_mean", (2,), weight_spec.NOISE)
            )
        self.specs = {spec.name: spec for spec in specs}

    def names(self, group):
        return [s.name for s in self.specs.values() if s.group == group]

    def forward(self, numbers, state):
        if state.stream is not None and "noise_mean" in state.weights:
            draws = state.stream.normal(tf.shape(numbers))
            mean = state.weights["noise_mean"]
            numbers *= noise.softplus_noise(mean, draws)
        return numbers @ state.weights["kernel"]


def misleading_tasks(steps, count, seed=0):
    """The first number tells the classes of a task apart, with either sign.

    The second one does in support alone, and is larger there, so that inner
    steps learn from it first of all. What they learn is of no use: its sign is
    drawn anew for the query examples.
    """
    rng = np.random.default_rng(seed)
    labels = np.broadcast_to(np.arange(8) % 2, (steps, count, 8))
    signs = rng.choice([-1, 1], (steps, count, 1))
    parts = []
    for _ in range(2):
        numbers = rng.normal(0, 0.3, (steps, count, 8, 2))
        sides = 2 * labels - 1
        numbers[..., 0] += sides * signs
        numbers[..., 1] += 3 * sides * rng.choice([-1, 1], (steps, count, 1))
        parts += [numbers.astype("float32"), labels]
    return (*parts, rng.integers(0, 1000, (steps, count, 2)).astype("int32"))


class NoiseHelpsTest:
    def query_loss(self, noisy):
        trainer = trainer_module.FewShotTrainer(
            lambda: learner_module.FewShotLearner(
                TwoNumbersNetwork(noisy), inner_rate=0.1
            ),
            4,
        )
        trainer.compile(keras.optimizers.Adam(0.05))
        data = tf.data.Dataset.from_tensor_slices(misleading_tasks(150, 4))
        trainer.fit(data, steps_per_epoch=150, verbose=0, shuffle=False)
        losses = []
        for task in zip(*(part[0] for part in misleading_tasks(1, 40, 1))):
            support, labels, query, answers, seed = map(tf.constant, task)
            values, _ = trainer.learner.adapt(
                trainer.learner.values(), support, labels, seed, samples=10
            )
            loss, _ = trainer.learner.query_loss(values, query, answers)
            losses.append(float(loss))
        return np.mean(losses)

    def test_learned_noise_hides_what_misleads(self):
        assert self.query_loss(noisy=True) < 0.6 * self.query_loss(noisy=False)
