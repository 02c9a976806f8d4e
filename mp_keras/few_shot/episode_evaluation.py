"""Meta-testing: adapts to new episodes and answers their queries.

    for every episode:
        theta* = inner steps, the loss averaged over 30 noise samples
        probabilities = softmax(query; theta*), without noise

Lee et al., ICLR 2020, algorithm 2 and section 4. The trap: batch norm takes the
statistics of all queries of an episode, so these must be answered together.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from mp_keras.few_shot import learner as learner_module


@dataclasses.dataclass(frozen=True, eq=False)
class EpisodeAnswers:
    """What a learner answered to the queries of some episodes.

    Attributes:
        probabilities: float32 array `(episodes, queries, classes)`.
        labels: int array `(episodes, queries)`, the right answers.
    """

    probabilities: np.ndarray
    labels: np.ndarray

    @property
    def accuracies(self):
        """Share of right answers of each episode, in [0, 1], `(episodes,)`."""
        answers = np.argmax(self.probabilities, axis=2)
        return np.mean(answers == self.labels, axis=1)


class EpisodeEvaluator:
    """Answers the queries of episodes with the learner's current weights.

    One graph serves all episodes of one shape, also after the weights have
    changed.

    Args:
        learner: `FewShotLearner`.
        samples: Int >= 1, default 30: noise samples whose loss is averaged in
            each inner step.
        noise: Bool, default True. False: nothing is drawn in them.

    Raises: ValueError, if `samples` is below 1.
    """

    def __init__(self, learner, samples=30, noise=True):
        learner_module.check_samples(samples)
        self.learner = learner
        self.samples = samples
        self.noise = noise
        self._answer = tf.function(self._answer_one, autograph=False)

    def evaluate(self, episodes):
        """Returns the `EpisodeAnswers` of all episodes, in order.

        Args:
            episodes: Iterable of meta-batches as `FewShotTrainer` takes them:
                support images `(tasks, examples, height, width, channels)` in
                [0, 1], support labels, query images, query labels, and seeds
                `(tasks, 2)`, which alone decide the noise. All episodes have
                as many queries.

        Raises: ValueError, if there is no episode, or query labels are not
            one class for each query.
        """
        probabilities, labels = [], []
        for batch in episodes:
            for support, support_labels, query, query_labels, seed in zip(
                *batch
            ):
                answer = self._answer(support, support_labels, query, seed)
                probabilities.append(answer.numpy())
                labels.append(np.asarray(query_labels))
                _check_labels(labels[-1], probabilities[-1].shape)
        if not labels:
            raise ValueError(
                "Argument `episodes` must have at least one. Received: none"
            )
        return EpisodeAnswers(np.stack(probabilities), np.stack(labels))

    def _answer_one(self, support, support_labels, query, seed):
        return answer_queries(
            self.learner,
            support,
            support_labels,
            query,
            seed if self.noise else None,
            self.samples,
        )


def _check_labels(labels, shape):
    queries, classes = shape
    if labels.shape != (queries,) or not np.all(
        (0 <= labels) & (labels < classes)
    ):
        raise ValueError(
            f"The query labels of an episode must be {queries} numbers in [0, "
            f"{classes}), as its support labels count the classes. Received: "
            f"shape {labels.shape}, {np.unique(labels)[:10]}"
        )


def evaluate_episodes(learner, episodes, samples=30, noise=True):
    """Returns the `EpisodeAnswers` of a learner; see `EpisodeEvaluator`."""
    return EpisodeEvaluator(learner, samples, noise).evaluate(episodes)


def answer_queries(learner, support, support_labels, query, seed, samples):
    """Returns the probabilities of one episode's queries.

    Args:
        learner: `FewShotLearner`.
        support: Float tensor `(examples, height, width, channels)`, pixels in
            [0, 1].
        support_labels: Int tensor `(examples,)`.
        query: Float tensor `(queries, height, width, channels)`.
        seed: Int tensor `(2,)`, of the noise, or None for none.
        samples: Int or int tensor, noise samples of the inner steps.

    Returns: float32 tensor `(queries, classes)`.
    """
    adapted, _ = learner.adapt(
        learner.values(), support, support_labels, seed, samples
    )
    logits = tf.cast(learner.logits(adapted, query), tf.float32)
    return tf.nn.softmax(logits)
