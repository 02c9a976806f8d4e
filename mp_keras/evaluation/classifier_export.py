"""A target classifier as a SavedModel that needs nothing but TensorFlow.

    serve(images)                   -> probabilities    # repeatable
    predict(images, samples, seed)  -> probabilities    # Monte Carlo by hand
    serve_files(image_bytes)        -> probabilities    # of JPEG, PNG, ...

Images are uint8 pixels at the target's size; the model normalizes them and
averages its probabilities over noise samples (Algorithm 2, line 10). Files of
at most 67 million pixels are decoded and, as in training, resized with
antialiasing. The endpoints are the
signatures that TensorFlow Serving knows, and `serve` is also its
`serving_default`. The trap:
serving must not depend on a random generator's state, so the noise of `serve`
comes from a seed fixed at export.
"""

import keras
import tensorflow as tf

from mp_keras import annotations
from mp_keras import files
from mp_keras import preprocessing
from mp_keras.evaluation import monte_carlo

_FILE_CHANNELS = (1, 3)  # gray, and red, green, blue
_HEADER = 26  # bytes that hold the size of all kinds but JPEG


def save_classifier(
    model: keras.Model, path: annotations.Path, samples: int = 30, seed: int = 0
) -> None:
    """Writes a classifier as a SavedModel folder, whole or not at all.

    Args:
        model: `keras.Model` from images normalized to [-1, 1] to logits, of
            known input size. One of 1 or 3 channels takes files as well.
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
    if model.input_shape[-1] in _FILE_CHANNELS:
        read = _file_reader(model.input_shape[1:])

        def serve_files(image_bytes):
            return serve(read(image_bytes))

        encoded = tf.TensorSpec((None,), tf.string, "image_bytes")
        archive.add_endpoint("serve_files", serve_files, [encoded])
    with files.new_directory(path) as folder:
        archive.write_out(str(folder), verbose=False)


def _file_reader(shape):
    """Returns the function that makes pixels of encoded images.

    Args:
        shape: Ints (height, width, channels) of the pixels, 1 or 3 channels.

    Returns: a function from a string tensor `(batch,)` of JPEG, PNG, GIF (its
        first picture) or BMP files to uint8 pixels `(batch, *shape)`.
    """
    height, width, channels = shape

    def decode_jpeg(encoded):
        # Accurate, as other decoders are: the default differs by a few units.
        return tf.io.decode_jpeg(
            encoded, channels, dct_method="INTEGER_ACCURATE"
        )

    def decode_other(encoded):
        return tf.io.decode_image(encoded, channels, expand_animations=False)

    def read_one(encoded):
        is_small = tf.debugging.assert_less_equal(
            _announced_pixels(encoded),
            tf.constant(preprocessing.MOST_PIXELS, tf.int64),
            f"An image must have at most {preprocessing.MOST_PIXELS} pixels.",
        )
        with tf.control_dependencies([is_small]):  # before it is decoded
            encoded = tf.identity(encoded)
        pixels = tf.cond(
            tf.io.is_jpeg(encoded),
            lambda: decode_jpeg(encoded),
            lambda: decode_other(encoded),
        )
        resized = tf.image.resize(pixels, (height, width), antialias=True)
        resized = tf.clip_by_value(tf.round(resized), 0, 255)
        return tf.ensure_shape(tf.cast(resized, tf.uint8), shape)

    spec = tf.TensorSpec(shape, tf.uint8)
    return lambda encoded: tf.map_fn(
        read_one, encoded, fn_output_signature=spec
    )


def _announced_pixels(encoded):
    """Returns height times width by a file's header, before it is decoded.

    Args:
        encoded: String tensor `()`, a JPEG, PNG, GIF or BMP file.

    Returns: int64 tensor `()`.
    """

    def of_jpeg():
        shape = tf.io.extract_jpeg_shape(encoded, tf.int64)
        return shape[0] * shape[1]

    def of_others():
        padded = encoded + tf.constant(b"\0" * _HEADER)
        header = tf.io.decode_raw(
            tf.strings.substr(padded, 0, _HEADER), tf.uint8
        )  # (_HEADER,)
        header = tf.cast(header, tf.int64)

        def number(*places):
            # The most significant byte first.
            return sum(
                header[place] * 256**power
                for power, place in enumerate(reversed(places))
            )

        def signed(*places):
            value = number(*places)
            return tf.minimum(value, 256 ** len(places) - value)

        return tf.case(
            [
                (
                    tf.equal(header[0], ord("G")),
                    lambda: number(7, 6) * number(9, 8),
                ),
                (
                    tf.equal(header[0], ord("B")),
                    lambda: signed(21, 20, 19, 18) * signed(25, 24, 23, 22),
                ),
            ],
            default=lambda: number(16, 17, 18, 19) * number(20, 21, 22, 23),
        )

    return tf.cond(tf.io.is_jpeg(encoded), of_jpeg, of_others)
