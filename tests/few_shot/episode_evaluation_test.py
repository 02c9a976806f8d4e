"""Answers to episodes, against the learner step by step."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from mp_keras.few_shot import episode_evaluation
from mp_keras.few_shot import gaussian_noise
from mp_keras.few_shot import meta_dropout
from mp_keras.few_shot import weight_noise
from tests.few_shot import tasks

SAMPLES = 3


def expected(learner, task, seed, samples=SAMPLES):
    """The probabilities of one task, by hand."""
    support, labels, query, _ = task
    adapted, _ = learner.adapt(learner.values(), support, labels, seed, samples)
    return special.softmax(learner.logits(adapted, query).numpy(), axis=1)


class EpisodeAnswersTest:
    def test_accuracies_are_of_each_episode(self):
        probabilities = np.array(
            [[[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]], [[0.2, 0.8]] * 3]
        )
        labels = np.array([[0, 1, 1], [0, 0, 0]])
        answers = episode_evaluation.EpisodeAnswers(probabilities, labels)
        np.testing.assert_allclose(answers.accuracies, [2 / 3, 0.0])


class EvaluateEpisodesTest:
    @pytest.mark.parametrize(
        "perturbation",
        [None, meta_dropout.MetaDropout(), weight_noise.WeightNoise()],
        ids=["maml", "meta_dropout", "weight_noise"],
    )
    def test_answers_are_those_of_the_adapted_learner(self, perturbation):
        learner = tasks.make_learner(perturbation, spread=0.4)
        batch = tasks.make_meta_batch(2, seed=4)
        answers = episode_evaluation.evaluate_episodes(
            learner, [batch], SAMPLES
        )
        assert answers.probabilities.shape == (2, 6, 3)
        for index in range(2):
            np.testing.assert_allclose(
                answers.probabilities[index],
                expected(learner, tasks.make_task(4 + index), [4, index]),
                rtol=1e-4,
                atol=1e-6,
            )
        np.testing.assert_array_equal(answers.labels, batch[3])

    def test_episodes_do_not_depend_on_how_they_are_batched(self):
        noise = gaussian_noise.GaussianNoise(False)
        learner = tasks.make_learner(noise, spread=0.4)
        whole = tasks.make_meta_batch(4)
        parts = [[part[i : i + 1] for part in whole] for i in range(4)]
        one, other = (
            episode_evaluation.evaluate_episodes(learner, batches, SAMPLES)
            for batches in ([whole], parts)
        )
        np.testing.assert_array_equal(one.probabilities, other.probabilities)

    def test_seed_and_samples_count(self):
        learner = tasks.make_learner(meta_dropout.MetaDropout(), spread=0.4)
        *task, seeds = tasks.make_meta_batch(1)
        found = [
            episode_evaluation.evaluate_episodes(
                learner, [(*task, seeds + shift)], samples
            ).probabilities
            for shift, samples in ((0, 2), (1, 2), (0, 3), (0, 2))
        ]
        np.testing.assert_array_equal(found[0], found[3])
        for other in found[1:3]:
            assert np.abs(found[0] - other).max() > 1e-4

    def test_wrong_arguments_raise(self):
        with pytest.raises(ValueError, match="`episodes`(.|\n)*none"):
            episode_evaluation.evaluate_episodes(tasks.make_learner(), [])
        with pytest.raises(ValueError, match="`samples`(.|\n)*samples=0"):
            episode_evaluation.EpisodeEvaluator(tasks.make_learner(), 0)

    @pytest.mark.parametrize("change", [lambda y: y + 3, lambda y: y[:, None]])
    def test_query_labels_must_be_classes(self, change):
        *support, query, labels, seeds = tasks.make_meta_batch(1)
        labels = change(labels.numpy()[0])[np.newaxis]
        batch = *support, query, labels, seeds
        with pytest.raises(ValueError, match=r"query labels .* \[0, 3\)"):
            episode_evaluation.evaluate_episodes(
                tasks.make_learner(), [batch], SAMPLES
            )


class EpisodeEvaluatorTest:
    def test_one_graph_sees_the_weights_change(self):
        learner = tasks.make_learner(spread=0.4)
        evaluator = episode_evaluation.EpisodeEvaluator(learner, 1)
        batch = tasks.make_meta_batch(1)
        before = evaluator.evaluate([batch]).probabilities
        for weight in learner.weights:
            weight.assign(0.5 * weight)
        after = evaluator.evaluate([batch]).probabilities
        assert evaluator._answer.experimental_get_tracing_count() == 1
        assert np.abs(after - before).max() > 1e-3
        again = expected(learner, tasks.make_task(0), tf.constant([0, 0]), 1)
        np.testing.assert_allclose(after[0], again, rtol=1e-4, atol=1e-6)
