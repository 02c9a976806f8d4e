"""LiteRT and ONNX files give the probabilities of the Keras model."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import mp_keras
from mp_keras.export import conversion
from tests import small_networks

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@keras.saving.register_keras_serializable(package="tests")
class Determinant(keras.layers.Layer):
    """An operation that neither format has."""

    def call(self, inputs):
        return inputs * tf.linalg.logdet(tf.eye(3, batch_shape=[1]) * inputs[0])


def run(path, images):
    """Returns the probabilities of a file, by its own runtime."""
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(str(path))
        return session.run(["probabilities"], {"images": images})[0]
    interpreter = tf.lite.Interpreter(str(path))
    return interpreter.get_signature_runner()(images=images)["probabilities"]


def trained(model, size):
    """Moves statistics and logits away from where they start."""
    keras.utils.set_random_seed(2)
    model(small_networks.draw_images(8, size, size, 3), training=True)
    dense = model.layers[-1]
    dense.kernel.assign(200 * dense.kernel)  # logits that are far apart
    return model


def expected(model, images):
    pixels = (images.astype("float32") / 255 - 0.5) / 0.5
    logits = mp_keras.deterministic(model)(pixels, training=False)
    exps = np.exp(np.array(logits, "float64"))
    return exps / exps.sum(axis=1, keepdims=True)


def make_conv4():
    phi = small_networks.random_phi()
    return mp_keras.networks.Conv4(4, (16, 16, 3), perturbation=phi, seed=0)


def make_resnet20():
    phi = small_networks.random_phi()
    return mp_keras.networks.ResNet20(4, (16, 16, 3), perturbation=phi, seed=0)


@pytest.fixture(params=["tflite", "onnx"])
def file_format(request):
    return request.param


class ConvertClassifierTest:
    @pytest.mark.parametrize("make", [make_conv4, make_resnet20])
    def test_parity(self, make, file_format, tmp_path):
        model = trained(make(), 16)
        path = tmp_path / f"model.{file_format}"
        difference = mp_keras.convert_classifier(model, path, file_format)
        assert difference <= 1e-5
        rng = np.random.default_rng(5)
        for batch in (1, 5):
            images = rng.integers(0, 256, (batch, 16, 16, 3), np.uint8)
            probabilities = expected(model, images)
            assert np.ptp(probabilities) > 0.1  # not all the same
            np.testing.assert_allclose(
                run(path, images), probabilities, atol=1e-5
            )

    def test_inputs_and_outputs_of_onnx(self, tmp_path):
        path = tmp_path / "new" / "model.onnx"
        mp_keras.convert_classifier(small_networks.make_network(), path, "onnx")
        onnx.checker.check_model(str(path), full_check=True)
        session = onnxruntime.InferenceSession(str(path))
        (images,), (outputs,) = session.get_inputs(), session.get_outputs()
        assert (images.name, images.type) == ("images", "tensor(uint8)")
        assert images.shape[1:] == [8, 8, 3]
        assert (outputs.name, outputs.shape[1:]) == ("probabilities", [3])

    def test_constants_outside_of_variables(self, file_format, tmp_path):
        """As in `keras.applications.EfficientNetB0`, swish included."""
        layers = keras.layers
        inputs = keras.Input((8, 8, 3))
        features = layers.Normalization(mean=[0.1, 0, 0], variance=[1, 2, 3])(
            inputs
        )
        features = layers.Conv2D(4, 3, activation="swish")(features)
        features = layers.GlobalAveragePooling2D()(features)
        model = keras.Model(inputs, layers.Dense(3)(features))
        path = tmp_path / f"model.{file_format}"
        mp_keras.convert_classifier(model, path, file_format)
        images = np.arange(192, dtype="uint8").reshape(1, 8, 8, 3)
        np.testing.assert_allclose(
            run(path, images), expected(model, images), atol=1e-5
        )

    def test_mixed_precision_becomes_float32(self, file_format, tmp_path):
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            model = small_networks.make_network()
        finally:
            keras.config.set_dtype_policy("float32")
        path = tmp_path / f"model.{file_format}"
        mp_keras.convert_classifier(model, path, file_format)
        full = small_networks.make_network()
        full.set_weights(model.get_weights())
        images = np.arange(192, dtype="uint8").reshape(1, 8, 8, 3)
        np.testing.assert_allclose(
            run(path, images), expected(full, images), atol=1e-5
        )
        assert model.layers[1].compute_dtype == "bfloat16"

    def test_layer_that_cannot_be_converted(self, file_format, tmp_path):
        inputs = keras.Input((8, 8, 3))
        features = keras.layers.GlobalAveragePooling2D()(inputs)
        model = keras.Model(inputs, Determinant()(features), name="odd")
        path = tmp_path / f"model.{file_format}"
        with pytest.raises(
            ValueError, match=f"{file_format} can express.*model odd"
        ):
            mp_keras.convert_classifier(model, path, file_format)
        assert list(tmp_path.iterdir()) == []

    def test_result_that_differs_is_not_written(self, tmp_path):
        path = tmp_path / "model.tflite"
        path.write_bytes(b"old")
        with pytest.raises(ValueError, match="differs by"):
            mp_keras.convert_classifier(
                small_networks.make_network(), path, "tflite", tolerance=-1
            )
        assert path.read_bytes() == b"old"

    def test_without_the_packages(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "tf2onnx", None)
        model = small_networks.make_network()
        with pytest.raises(ValueError, match=r"mp-keras\[onnx\]"):
            mp_keras.convert_classifier(model, tmp_path / "x.onnx", "onnx")

    def test_wrong_arguments(self, tmp_path):
        model = small_networks.make_network()
        with pytest.raises(ValueError, match="`file_format`.*'pb'"):
            mp_keras.convert_classifier(model, tmp_path / "x", "pb")
        inputs = keras.Input((None, None, 3))
        pooled = keras.layers.GlobalAveragePooling2D()(inputs)
        unknown = keras.Model(inputs, pooled)
        with pytest.raises(ValueError, match="known size.*None, None, 3"):
            mp_keras.convert_classifier(unknown, tmp_path / "x", "onnx")

    def test_formats_are_those_of_the_tool(self):
        assert conversion.FORMATS == ("tflite", "onnx")
