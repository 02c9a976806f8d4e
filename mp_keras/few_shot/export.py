"""A meta-learned start as a SavedModel that learns a task in one call.

    adapt(support_images, support_labels, query_images)    -> probabilities
    predict(the same, samples, seed)                       -> probabilities

They take the inner steps on the support examples, with noise, and answers the
queries without (Lee et al., ICLR 2020, algorithm 2). Needs nothing but
TensorFlow. `adapt` is repeatable: its noise comes from a seed fixed at export;
it is also the `serving_default`. The trap: the queries of a call see one
another through batch norm, so many of one task belong in one call.
"""

import keras
import tensorflow as tf

from mp_keras import files
from mp_keras.few_shot import episode_evaluation
from mp_keras.few_shot import learner as learner_module


def save_few_shot(learner, path, samples=30, seed=0):
    """Writes a learner as a SavedModel folder, whole or not at all.

    The endpoints take uint8 pixels `(any number, height, width, channels)` and
    int32 labels `(any number,)` in [0, classes), and return a dict with
    `probabilities`, float32 `(queries, classes)`.

    Args:
        learner: `FewShotLearner`.
        path: Path-like of the folder; an older SavedModel is replaced.
        samples: Int >= 1, default 30: noise samples of the inner steps.
        seed: Int, default 0: seed of the noise of `adapt`.

    Raises: ValueError, if `samples` is below 1 or there is something else at
        `path`.
    """
    learner_module.check_samples(samples)

    def answer(support_images, support_labels, query_images, samples, seed):
        checks = [
            tf.debugging.assert_positive(
                samples, "`samples` must be at least 1."
            ),
            *_example_checks(
                learner, support_images, support_labels, query_images
            ),
        ]
        # Some kernels end the process on what the checks refuse.
        with tf.control_dependencies(checks):
            support_images = tf.identity(support_images)
            support_labels = tf.identity(support_labels)
            query_images = tf.identity(query_images)
        probabilities = episode_evaluation.answer_queries(
            learner,
            _pixels(support_images),
            support_labels,
            _pixels(query_images),
            tf.stack([seed, 0]),
            samples,
        )
        return {"probabilities": probabilities}

    shape = (None, *learner.network.input_shape)
    task = [
        tf.TensorSpec(shape, tf.uint8, "support_images"),
        tf.TensorSpec((None,), tf.int32, "support_labels"),
        tf.TensorSpec(shape, tf.uint8, "query_images"),
    ]
    scalars = [
        tf.TensorSpec((), tf.int32, "samples"),
        tf.TensorSpec((), tf.int32, "seed"),
    ]
    # One graph, which both endpoints call: each would trace its own, twice.
    graph = tf.function(answer, autograph=False).get_concrete_function(
        *task, *scalars
    )

    def adapt(support_images, support_labels, query_images):
        return graph(
            support_images, support_labels, query_images, samples, seed
        )

    def predict(support_images, support_labels, query_images, samples, seed):
        return graph(
            support_images, support_labels, query_images, samples, seed
        )

    archive = keras.export.ExportArchive()
    archive.track(learner)
    archive.add_endpoint("adapt", adapt, task)
    archive.add_endpoint("predict", predict, [*task, *scalars])
    with files.new_directory(path, mark=files.SAVED_MODEL) as folder:
        archive.write_out(str(folder), verbose=False)


def _pixels(images):
    return tf.cast(images, tf.float32) / 255.0


def _example_checks(learner, support_images, support_labels, query_images):
    """Returns the ops that refuse what has no meaning."""
    count = tf.shape(support_images)[0]
    return [
        tf.debugging.assert_positive(count, "There must be a support image."),
        tf.debugging.assert_positive(
            tf.shape(query_images)[0], "There must be a query image."
        ),
        tf.debugging.assert_equal(
            count,
            tf.shape(support_labels)[0],
            "There must be one of `support_labels` for each support image.",
        ),
        *learner_module.label_checks(support_labels, learner.network),
    ]
