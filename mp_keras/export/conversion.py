"""A classifier for other runtimes: LiteRT (TFLite) and ONNX.

    images, uint8 pixels (batch, height, width, channels)
        -> normalize -> deterministic network -> softmax
        -> probabilities, float32 (batch, classes)

One input, `images`, and one output, `probabilities`; the batch may be of any
size. The weights are constants of the graph: neither converter takes the
variables of a Keras 3 model as they are.
"""

import pathlib
import tempfile
import warnings

import keras
import numpy as np
import tensorflow as tf

from mp_keras import annotations
from mp_keras import class_outputs
from mp_keras import error_texts
from mp_keras import files
from mp_keras import preprocessing
from mp_keras.evaluation import deterministic

_PACKAGES = ("tf2onnx", "onnx", "onnxruntime")
_OPSET = 18  # of ONNX, the newest that tf2onnx 1.17 writes
_CHECKED_BATCHES = (1, 3)


def convert_classifier(
    model: keras.Model,
    path: annotations.Path,
    file_format: str,
    tolerance: float = 1e-5,
    from_logits: bool = True,
    normalize: bool = True,
) -> float:
    """Writes the deterministic form of a classifier, whole or not at all.

    The file is run, by its format's own runtime, on random pixels, and must
    give the probabilities that the Keras model gives.

    Args:
        model: Functional or built Sequential `keras.Model` from images
            normalized to [-1, 1] to logits, of known input size. Of one that
            is noisy in test, `deterministic(model, images)` loses less than
            the form that is made here.
        path: Path-like of the file; an old one is replaced.
        file_format: "tflite" or "onnx".
        tolerance: Float, default 1e-5: the largest difference of a
            probability.
        from_logits: Bool, default True; False for a model that ends in
            probabilities.
        normalize: Bool, default True; False for a model that takes pixels from
            0 to 255 and rescales them itself, as EfficientNet does.

    Returns: the largest difference that was found, a float.
    Raises: ValueError, if the format is unknown, its packages are missing, the
        model has no deterministic form, it takes integers and `normalize` is
        True, it ends in probabilities and `from_logits` is True, or its layers
        cannot be converted; then nothing is written.
    """
    if file_format not in _FORMATS:
        raise ValueError(
            f"Argument `file_format` must be one of {FORMATS}. "
            f"Received: file_format={file_format!r}"
        )
    prepare = preprocessing.preparation(model, normalize)
    if from_logits:
        class_outputs.check_logits(model)
    module = _FrozenClassifier(
        _in_float32(deterministic.deterministic(model)),
        prepare,
        from_logits,
    )
    convert, open_runtime = _FORMATS[file_format]
    try:
        content = convert(module)
        difference = _difference(open_runtime(content), module)
    except ImportError as error:
        raise ValueError(
            f"Format {file_format} needs the packages {', '.join(_PACKAGES)}: "
            f'pip install "mp-keras[onnx]". Received: {error}'
        ) from error
    # Converters and runtimes raise nearly anything.
    except Exception as error:
        raise ValueError(
            f"Argument `model` must have layers that {file_format} can "
            f"express. Received: model {model.name}, which fails with "
            f"{type(error).__name__}: {_summary(error)}"
        ) from error
    if not difference <= tolerance:
        raise ValueError(
            f"Argument `model` must give the same probabilities in "
            f"{file_format}, to {tolerance:g}. Received: model {model.name}, "
            f"which differs by {difference:g}"
        )
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_bytes(path, content)
    return difference


class _FrozenClassifier(tf.Module):
    """uint8 pixels to probabilities, by a network whose weights are fixed."""

    def __init__(self, network, prepare, from_logits):
        super().__init__()
        weights, state = (
            [tf.constant(variable.numpy()) for variable in variables]
            for variables in (
                network.trainable_variables,
                network.non_trainable_variables,
            )
        )

        def serve(images):
            outputs, _ = network.stateless_call(
                weights, state, prepare(images), training=False
            )
            outputs = keras.ops.cast(outputs, "float32")
            return keras.ops.softmax(outputs) if from_logits else outputs

        spec = tf.TensorSpec(network.input_shape, tf.uint8, "images")
        traced = tf.function(serve, input_signature=[spec])
        traced = traced.get_concrete_function()

        def serve_frozen(images):
            # What a function captures is an input of its graph.
            values = {traced.inputs[0].name: images}
            for outer, inner in traced.graph.captures:
                values[inner.name] = tf.constant(outer.numpy())
            (probabilities,) = tf.graph_util.import_graph_def(
                traced.graph.as_graph_def(),
                values,
                [traced.outputs[0].name],
            )
            return {"probabilities": probabilities}

        self.serve = tf.function(serve_frozen, input_signature=[spec])


def _in_float32(network):
    """Returns the network with layers that compute in float32."""
    for layer in network._flatten_layers():
        layer.dtype_policy = "float32"
    return network


def _to_tflite(module):
    # Gradients are not needed, and those of swish cannot be saved.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, module.serve, options)
        return tf.lite.TFLiteConverter.from_saved_model(folder).convert()


def _open_tflite(content):
    with warnings.catch_warnings():  # it is to leave TensorFlow one day
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(model_content=content)
    run = interpreter.get_signature_runner()
    return lambda images: run(images=images)["probabilities"]


def _to_onnx(module):
    import tf2onnx

    proto, _ = tf2onnx.convert.from_function(
        module.serve, module.serve.input_signature, opset=_OPSET
    )
    return proto.SerializeToString()


def _open_onnx(content):
    import onnxruntime

    session = onnxruntime.InferenceSession(
        content, providers=["CPUExecutionProvider"]
    )
    return lambda images: session.run(["probabilities"], {"images": images})[0]


def _difference(run, module):
    """Returns the largest difference of a probability on random pixels."""
    shape = module.serve.input_signature[0].shape[1:]
    rng = np.random.default_rng(0)
    differences = []
    for batch in _CHECKED_BATCHES:
        images = rng.integers(0, 256, (batch, *shape), np.uint8)
        expected = module.serve(images)["probabilities"].numpy()
        differences.append(np.abs(run(images) - expected).max())
    return float(max(differences))


def _summary(error):
    """Returns the first line of an error that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return error_texts.brief(lines[0]) if lines else "no message"


_FORMATS = {
    "tflite": (_to_tflite, _open_tflite),
    "onnx": (_to_onnx, _open_onnx),
}
FORMATS = tuple(_FORMATS)
