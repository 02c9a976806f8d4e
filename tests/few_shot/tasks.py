"""Small tasks and learners for the tests of few-shot learning."""

import numpy as np
import tensorflow as tf

from mp_keras.few_shot import learner as learner_module
from mp_keras.few_shot import network as network_module

SHAPE = (16, 16, 1)
SEED = tf.constant([3, 5])


def make_network(perturbation=None, classes=3, channels=4, shape=SHAPE):
    return network_module.FewShotNetwork(classes, shape, channels, perturbation)


def make_learner(perturbation=None, spread=None, **options):
    """Returns a learner of two inner steps.

    Args:
        perturbation: `Perturbation` or None.
        spread: Float or None: weights from N(0, spread^2) in the place of the
            usual start, which is too small to tell much.
        **options: Of `FewShotLearner`.
    """
    options = {"inner_steps": 2, "inner_rate": 0.1, **options}
    learner = learner_module.FewShotLearner(
        make_network(perturbation), **options
    )
    if spread is not None:
        rng = np.random.default_rng(7)
        for name, weight in zip(learner.specs, learner.weights):
            if not name.startswith("rate/"):
                weight.assign(rng.normal(0, spread, weight.shape))
    return learner


def make_task(seed=0, ways=3, shots=2, queries=6, dtype="float32"):
    """Returns support images and labels, query images and labels."""
    rng = np.random.default_rng(seed)
    support = rng.random((ways * shots, *SHAPE)).astype(dtype)
    query = rng.random((queries, *SHAPE)).astype(dtype)
    return (
        tf.constant(support),
        tf.constant(np.tile(np.arange(ways), shots)),
        tf.constant(query),
        tf.constant(np.arange(queries) % ways),
    )


def make_meta_batch(tasks, seed=0):
    """Returns what one step of `FewShotTrainer` takes."""
    parts = zip(*(make_task(seed + index) for index in range(tasks)))
    stacked = [tf.stack(part) for part in parts]
    seeds = tf.constant([[seed, index] for index in range(tasks)])
    return (*stacked, seeds)
