"""A target classifier as a SavedModel that needs nothing but TensorFlow.

    serve(images)                   -> probabilities    # repeatable
    predict(images, samples, seed)  -> probabilities    # Monte Carlo by hand
    serve_files(image_bytes)        -> probabilities    # of JPEG, PNG, BMP

Images are uint8 pixels at the target's size; the model normalizes them and
averages its probabilities over noise samples (Algorithm 2, line 10). The
endpoints are the signatures that TensorFlow Serving knows, and `serve` is also
its `serving_default`. The trap: serving must not depend on a random generator's
state, so the noise of `serve` comes from a seed fixed at export.
"""

from collections import abc

import keras
import tensorflow as tf

from mp_keras import annotations
from mp_keras import files
from mp_keras import preprocessing
from mp_keras.evaluation import monte_carlo
from mp_keras.export import class_name_file
from mp_keras.export import image_file_reader

_FILE_CHANNELS = (1, 3)  # gray, and red, green, blue


def save_classifier(
    model: keras.Model,
    path: annotations.Path,
    samples: int = 30,
    seed: int = 0,
    class_names: abc.Sequence[str] | None = None,
    from_logits: bool = True,
    normalize: bool = True,
) -> None:
    """Writes a classifier as a SavedModel folder, whole or not at all.

    Args:
        model: `keras.Model` from images normalized to [-1, 1] to logits, of
            known input size. One of 1 or 3 channels takes files as well.
        path: Path-like of the folder; an older SavedModel is replaced.
        samples: Int >= 1, default 30: noise samples of `serve`.
        seed: Int, default 0: seed of the noise of `serve`.
        class_names: Sequence of str, a line of text for each class, written to
            `assets/class_names.txt`; or None (default) for no such file.
        from_logits: Bool, default True; False for a model that ends in
            probabilities.
        normalize: Bool, default True; False for a model that takes pixels from
            0 to 255 and rescales them itself, as EfficientNet does.

    Raises: ValueError, if the model's input size is unknown, it takes integers
        and `normalize` is True, it ends in probabilities and `from_logits` is
        True, there are more or fewer `class_names` than classes, one is not a
        line of text, or `path` holds something else.
    """
    prepare = preprocessing.preparation(model, normalize)
    averaged = monte_carlo.MonteCarloClassifier(model, samples, from_logits)
    if class_names is not None:
        class_names = class_name_file.check_names(
            class_names, model.output_shape[-1]
        )
    images = tf.TensorSpec(model.input_shape, tf.uint8, "images")
    scalars = [
        tf.TensorSpec((), tf.int32, "samples"),
        tf.TensorSpec((), tf.int32, "seed"),
    ]

    average = _traced(
        lambda images, samples, seed: averaged.average(
            prepare(images), seed, samples
        ),
        images,
        *scalars,
    )

    def serve(images):
        return {"probabilities": average(images, averaged.samples, seed)}

    def predict(images, samples, seed):
        tf.debugging.assert_positive(samples, "`samples` must be at least 1.")
        return {"probabilities": average(images, samples, seed)}

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", serve, [images])
    archive.add_endpoint("predict", predict, [images, *scalars])
    if model.input_shape[-1] in _FILE_CHANNELS:
        encoded = tf.TensorSpec((None,), tf.string, "image_bytes")
        read = _traced(image_file_reader.reader(model.input_shape[1:]), encoded)

        def serve_files(image_bytes):
            return serve(read(image_bytes))

        archive.add_endpoint("serve_files", serve_files, [encoded])
    with files.new_directory(path, mark=files.SAVED_MODEL) as folder:
        archive.write_out(str(folder), verbose=False)
        if class_names is not None:
            class_name_file.write_names(folder, class_names)


def _traced(function, *specs):
    """Returns a function's one graph, for endpoints to call.

    Each endpoint would trace it again, twice: of a network with noise that
    took longer than the export's other parts together.
    """
    return tf.function(function, autograph=False).get_concrete_function(*specs)
