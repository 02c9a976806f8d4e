"""A target classifier as a SavedModel that needs nothing but TensorFlow.

    serve(images)                   -> probabilities    # repeatable
    predict(images, samples, seed)  -> probabilities    # Monte Carlo by hand

Images are uint8 pixels at the target's size; the model normalizes them and
averages its probabilities over noise samples (Algorithm 2, line 10). The trap:
serving must not depend on a random generator's state, so the noise of `serve`
comes from a seed fixed at export.
"""

import keras
import tensorflow as tf

from mp_keras import files
from mp_keras import preprocessing
from mp_keras.evaluation import monte_carlo


def save_classifier(model, path, samples=30, seed=0):
    """Writes a classifier as a SavedModel folder, whole or not at all.

    Args:
        model: `keras.Model` from images normalized to [-1, 1] to logits, of
            known input size.
        path: Path-like of the folder; an old one is replaced.
        samples: Int >= 1, default 30: noise samples of `serve`.
        seed: Int, default 0: seed of the noise of `serve`.
    """
    averaged = monte_carlo.MonteCarloClassifier(model, samples)
    images = tf.TensorSpec(model.input_shape, tf.uint8, "images")

    def serve(images):
        probabilities = averaged.average(
            preprocessing.normalize(images), seed, averaged.samples
        )
        return {"probabilities": probabilities}

    def predict(images, samples, seed):
        tf.debugging.assert_positive(samples, "`samples` must be at least 1.")
        return {
            "probabilities": averaged.average(
                preprocessing.normalize(images), seed, samples
            )
        }

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", serve, [images])
    scalars = [
        tf.TensorSpec((), tf.int32, "samples"),
        tf.TensorSpec((), tf.int32, "seed"),
    ]
    archive.add_endpoint("predict", predict, [images, *scalars])
    with files.new_directory(path) as folder:
        archive.write_out(str(folder), verbose=False)
