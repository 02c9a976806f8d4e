"""Episodes of few-shot learning that are a pure function of seed and step.

Meta Dropout (ICLR 2020), section 3: each task has N classes ("ways"), a
support set with K images of each ("shots"), and query images. The seed, the
step and the task's place in the meta-batch alone decide an episode, so a run
that resumes at step N needs no iterator state (see `batches.py`).

    classes  = `ways` distinct classes in random order: the place is the label;
               each task's own, or the same in all tasks of a meta-batch
    examples = a random order of the images of each class
    support  = the first `shots` of each class, label by label
    query    = rounds r = 0, 1, ...: the classes in a random order, of each
               class example shots + r, until there are enough
    seeds    = the episode's own two words, for its noise

Element e of the inner data set is task e % T of step e // T; `.batch(T)` makes
the task axis, which a `tf.distribute` strategy can split. The images lie in
memory once, as uint8, and a task gathers its own.
"""

import typing

import numpy as np
import tensorflow as tf

from pipeline.datasets import argument_checks
from pipeline.datasets import batches
from pipeline.datasets import random_bits

_STREAM = 3  # 0 to 2 are those of `training_batches` and `task_batches`
_CLASSES, _EXAMPLES, _ROUNDS, _NOISE = range(4)
QUERIES_PER = ("task", "class")
CLASSES_PER = ("task", "meta_batch")


class MetaBatch(typing.NamedTuple):
    """The tasks of one step, in the order that `FewShotTrainer` takes.

    With T tasks, S = `ways * shots`, and Q = `queries` or `ways * queries`.

    Attributes:
        support_images: float32 in [0, 1] `(T, S, height, width, channels)`.
        support_labels: int64 in [0, ways) `(T, S)`.
        query_images: float32, the same with Q.
        query_labels: int64 `(T, Q)`.
        seeds: int32 of at least 0 `(T, 2)`.
    """

    support_images: tf.Tensor
    support_labels: tf.Tensor
    query_images: tf.Tensor
    query_labels: tf.Tensor
    seeds: tf.Tensor


def episode_batches(
    class_images,
    *,
    ways,
    shots,
    queries,
    queries_per="task",
    classes_per="task",
    tasks,
    seed,
    start_step,
    steps,
):
    """Makes the meta-batches of steps `start_step` to `steps`.

    Args:
        class_images: `ClassImages` to draw from.
        ways: Int of at least 2, classes of a task.
        shots: Int of at least 1, support images of each class.
        queries: Int of at least 1, query images.
        queries_per: What `queries` counts: those of a whole "task" (default,
            the paper's), spread over its classes as evenly as they go, or
            those of each "class" (the authors' code).
        classes_per: What has its own classes and their labels: each "task"
            (default), or each "meta_batch", whose tasks then differ in the
            images alone (the authors' code).
        tasks: Int of at least 1, tasks of a meta-batch.
        seed: Int of at least 0.
        start_step: Int, the first step to yield; the episodes of a step do not
            depend on it.
        steps: Int, the step to stop before.

    Returns:
        `tf.data.Dataset` of `steps - start_step` `MetaBatch`es, for
        `FewShotTrainer.fit` and `evaluate_episodes`.

    Raises:
        ValueError: If an argument is wrong, or there are too few classes or
            images of a class.
    """
    ways = argument_checks.check_int("ways", ways, 2)
    shots = argument_checks.check_int("shots", shots, 1)
    queries = argument_checks.check_int("queries", queries, 1)
    tasks = argument_checks.check_int("tasks", tasks, 1)
    seed = argument_checks.check_int("seed", seed, 0)
    start_step, steps = batches.check_steps(start_step, steps)
    _check_either("queries_per", queries_per, QUERIES_PER)
    _check_either("classes_per", classes_per, CLASSES_PER)
    query_images = queries * (ways if queries_per == "class" else 1)
    rounds = -(-query_images // ways)
    _check_sizes(class_images, ways, shots, rounds)
    table = _make_table(class_images)
    stream = random_bits.stream_number(seed, _STREAM)

    def make_episode(number):
        step, task = number // tasks, number % tasks
        words = [
            _two_words(stream, step, task, purpose) for purpose in range(4)
        ]
        if classes_per == "meta_batch":  # those of its first task
            words[_CLASSES] = _two_words(stream, step, 0, _CLASSES)
        places = _draw_places(table, ways, shots + rounds, words)
        labels = _draw_rounds(ways, rounds, words[_ROUNDS])
        labels = labels[:query_images]
        queried = shots + tf.range(query_images) // ways  # which example
        query = tf.gather_nd(places, tf.stack([labels, queried], axis=1))
        return MetaBatch(
            _gather(table, tf.reshape(places[:, :shots], [-1])),
            tf.repeat(tf.range(ways, dtype=tf.int64), shots),
            _gather(table, query),
            tf.cast(labels, tf.int64),
            words[_NOISE],
        )

    dataset = tf.data.Dataset.range(start_step * tasks, steps * tasks)
    dataset = batches.in_order(dataset, make_episode)
    dataset = dataset.batch(tasks, drop_remainder=True)
    options = tf.data.Options()
    # Its rewriting would copy all images once more at the start.
    options.experimental_optimization.apply_default_optimizations = False
    return batches.ahead(dataset.with_options(options))


def _check_either(name, value, valid):
    if value not in valid:
        raise ValueError(
            f"`{name}` must be {valid[0]!r} or {valid[1]!r}. "
            f"Received: {name}={value!r}"
        )


def _check_sizes(class_images, ways, shots, rounds):
    if ways > class_images.classes:
        raise ValueError(
            f"`ways` must be at most {class_images.classes}, the classes of "
            f"`class_images`. Received: ways={ways}"
        )
    counts = np.bincount(class_images.labels, minlength=class_images.classes)
    if counts.min() < shots + rounds:
        raise ValueError(
            f"Each class needs at least {shots + rounds} images: shots={shots} "
            f"and {rounds} to query. Received: {counts.min()} of class "
            f"{class_images.class_names[counts.argmin()]!r}"
        )


def _make_table(class_images):
    """Returns a dict of what episodes are drawn from.

    `images`, uint8; `rows`, int32 `(n,)`, the numbers of the images class by
    class; `starts` and `sizes`, int32 `(classes,)`, where each class lies in
    them; `largest`, an int, the most images of a class.
    """
    labels = class_images.labels
    sizes = np.bincount(labels, minlength=class_images.classes)
    with tf.device("CPU:0"):
        return {
            "images": tf.constant(class_images.images),
            "rows": tf.constant(np.argsort(labels, kind="stable"), tf.int32),
            "starts": tf.constant(np.cumsum(sizes) - sizes, tf.int32),
            "sizes": tf.constant(sizes, tf.int32),
            "largest": int(sizes.max()),
        }


def _two_words(*words):
    """Returns a seed, int32 `(2,)` of at least 0, made from integers."""
    halves = tf.bitcast(random_bits.hash_words(*words), tf.int32)  # (2,)
    return tf.bitwise.bitwise_and(halves, tf.constant(2**31 - 1, tf.int32))


def _random_keys(shape, seed):
    """Returns float32 in [0, 1); their order is a random permutation."""
    return tf.random.stateless_uniform(shape, seed, alg="philox")


def _draw_places(table, ways, examples, words):
    """Draws classes, and of each of them distinct images.

    Returns:
        int32 `(ways, examples)`, the numbers of images.
    """
    keys = _random_keys(table["sizes"].shape, words[_CLASSES])
    classes = tf.math.top_k(keys, ways).indices  # (ways,), distinct
    sizes = tf.gather(table["sizes"], classes)
    keys = _random_keys((ways, table["largest"]), words[_EXAMPLES])
    exists = tf.sequence_mask(sizes, table["largest"])
    keys = tf.where(exists, keys, -1.0)  # below all others
    chosen = tf.math.top_k(keys, examples).indices  # (ways, examples)
    starts = tf.gather(table["starts"], classes)
    return tf.gather(table["rows"], starts[:, None] + chosen)


def _draw_rounds(ways, rounds, seed):
    """Returns int32 `(rounds * ways,)`: all labels shuffled, round by round."""
    keys = _random_keys((rounds, ways), seed)
    return tf.reshape(tf.math.top_k(keys, ways).indices, [-1])


def _gather(table, rows):
    """Returns float32 in [0, 1] `(rows, height, width, channels)`."""
    return tf.cast(tf.gather(table["images"], rows), tf.float32) / 255.0
