"""The exported learner, here and where only TensorFlow is."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from mp_keras.few_shot import export
from mp_keras.few_shot import inner_mixup
from mp_keras.few_shot import meta_dropout
from mp_keras.few_shot import weight_noise
from tests import plain_tensorflow
from tests.few_shot import tasks

SAMPLES, SEED = 3, 6


def make_learner():
    noise = meta_dropout.MetaDropout()
    return tasks.make_learner(
        noise, spread=0.4, learn_rates=True, inner_steps=1
    )


@pytest.fixture(scope="module")
def learner():
    return make_learner()


@pytest.fixture(scope="module")
def path(learner, tmp_path_factory):
    path = tmp_path_factory.mktemp("exports") / "learner"
    export.save_few_shot(learner, path, SAMPLES, SEED)
    return path


@pytest.fixture(scope="module")
def loaded(path):
    return tf.saved_model.load(str(path))


def pixels(count, seed=0):
    """uint8 pixels, as a client sends them."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, *tasks.SHAPE), np.uint8)


def expected(learner, support, labels, query, samples, seed):
    adapted, _ = learner.adapt(
        learner.values(), support / 255.0, labels, [seed, 0], samples
    )
    logits = learner.logits(adapted, query / 255.0)
    return special.softmax(logits.numpy(), axis=1)


LABELS = np.array([0, 1, 2, 0, 1], np.int32)


class AdaptTest:
    def test_answers_as_the_learner(self, learner, loaded):
        support, query = pixels(5), pixels(7, seed=1)
        answer = loaded.adapt(support, LABELS, query)["probabilities"]
        assert answer.shape == (7, 3) and answer.dtype == tf.float32
        np.testing.assert_allclose(
            answer,
            expected(learner, support, LABELS, query, SAMPLES, SEED),
            rtol=1e-4,
            atol=1e-6,
        )

    def test_is_repeatable_and_the_default_signature(self, loaded):
        task = {
            "support_images": tf.constant(pixels(3)),
            "support_labels": tf.constant(LABELS[:3]),
            "query_images": tf.constant(pixels(2, seed=1)),
        }
        first = loaded.adapt(*task.values())["probabilities"]
        for name in ("serving_default", "adapt"):
            again = loaded.signatures[name](**task)["probabilities"]
            np.testing.assert_array_equal(again, first)

    @pytest.mark.parametrize(
        ("examples", "labels", "message"),
        [
            (3, [0, 1, 3], r"must lie in \[0, 3\)"),
            (3, [0, 1, -1], r"must lie in \[0, 3\)"),
            (3, [0, 1], "one of `support_labels` for each"),
            (0, [], "There must be a support image"),
        ],
    )
    def test_wrong_examples_are_refused(
        self, loaded, examples, labels, message
    ):
        error = tf.errors.InvalidArgumentError
        with pytest.raises(error, match=message):
            loaded.adapt(
                pixels(examples), np.array(labels, np.int32), pixels(2)
            )

    def test_wrong_images_are_refused(self, loaded):
        error = tf.errors.InvalidArgumentError
        with pytest.raises(error, match="There must be a query image"):
            loaded.adapt(pixels(3), LABELS[:3], pixels(0))
        floats = tf.zeros((3, *tasks.SHAPE))
        with pytest.raises((ValueError, TypeError), match="float32"):
            loaded.adapt(floats, LABELS[:3], pixels(2))


class PredictTest:
    def test_takes_samples_and_seed(self, learner, loaded):
        task = (pixels(3), LABELS[:3], pixels(4, seed=1))
        for samples, seed in ((1, 0), (2, 5)):
            scalars = tf.constant(samples), tf.constant(seed)
            np.testing.assert_allclose(
                loaded.predict(*task, *scalars)["probabilities"],
                expected(learner, *task, samples, seed),
                rtol=1e-4,
                atol=1e-6,
            )

    def test_samples_must_be_positive(self, loaded):
        scalars = tf.constant(0), tf.constant(0)
        error = tf.errors.InvalidArgumentError
        with pytest.raises(error, match="`samples` must be at least 1"):
            loaded.predict(pixels(3), LABELS[:3], pixels(2), *scalars)


class OtherPerturbationsTest:
    @pytest.mark.parametrize(
        "perturbation",
        [inner_mixup.InnerMixup(1.0), weight_noise.WeightNoise()],
        ids=["mixup", "weight_noise"],
    )
    def test_is_exported_as_well(self, perturbation, tmp_path):
        learner = tasks.make_learner(perturbation, spread=0.4, inner_steps=1)
        export.save_few_shot(learner, tmp_path / "x", SAMPLES)
        loaded = tf.saved_model.load(str(tmp_path / "x"))
        task = (pixels(3), LABELS[:3], pixels(4, seed=1))
        scalars = tf.constant(2), tf.constant(7)
        for actual, numbers in (
            (loaded.adapt(*task), (SAMPLES, 0)),
            (loaded.predict(*task, *scalars), (2, 7)),
        ):
            np.testing.assert_allclose(
                actual["probabilities"],
                expected(learner, *task, *numbers),
                rtol=1e-4,
                atol=1e-6,
            )


# Runs in a process of its own: saved model, examples, probabilities out.
_CLIENT = """
import numpy as np
import tensorflow as tf

learner = tf.saved_model.load(sys.argv[1])
task = np.load(sys.argv[2])
answer = learner.signatures["adapt"](
    **{name: tf.constant(task[name]) for name in task}
)
np.save(sys.argv[3], answer["probabilities"])
"""


class SaveFewShotTest:
    def test_loads_where_only_tensorflow_is(self, path, loaded, tmp_path):
        task = {
            "support_images": pixels(3),
            "support_labels": LABELS[:3],
            "query_images": pixels(2, seed=1),
        }
        np.savez(tmp_path / "task.npz", **task)
        arguments = [path, tmp_path / "task.npz", tmp_path / "out.npy"]
        plain_tensorflow.run(_CLIENT, *arguments, cwd=tmp_path)
        here = loaded.adapt(*task.values())["probabilities"]
        there = np.load(tmp_path / "out.npy")
        np.testing.assert_allclose(there, here, rtol=1e-5)

    def test_failing_save_leaves_the_old_one(
        self, learner, tmp_path, monkeypatch
    ):
        plain_tensorflow.assert_failing_save_leaves_the_old_one(
            lambda path: export.save_few_shot(learner, path),
            tmp_path,
            monkeypatch,
        )

    def test_samples_must_be_positive(self, learner, tmp_path):
        with pytest.raises(ValueError, match="`samples` must be at least 1"):
            export.save_few_shot(learner, tmp_path / "none", samples=0)
        assert not (tmp_path / "none").exists()
