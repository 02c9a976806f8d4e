"""The exported classifier, here and where only TensorFlow is."""

import io
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import mp_keras
from pipeline.datasets import image_resizing
from tests import small_networks

SAMPLES, SEED = 4, 6


@pytest.fixture(scope="module")
def images():
    """uint8 pixels, as a client sends them."""
    return np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    model = small_networks.make_network()
    model(small_networks.draw_images(6, 8, 8, 3), training=True)
    return model


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("exports") / "classifier"
    mp_keras.save_classifier(model, path, samples=SAMPLES, seed=SEED)
    return path


@pytest.fixture(scope="module")
def loaded(path):
    return tf.saved_model.load(str(path))


def predict(loaded, images, samples, seed):
    outputs = loaded.predict(images, tf.constant(samples), tf.constant(seed))
    return outputs["probabilities"].numpy()


def expected(model, images, samples, seed):
    pixels = (images.astype("float32") / 255 - 0.5) / 0.5
    return mp_keras.monte_carlo_predict(model, pixels, samples, seed=seed)


# Runs in a process of its own: saved model, images, probabilities out.
_CLIENT = """
import sys
import numpy as np
import tensorflow as tf

classifier = tf.saved_model.load(sys.argv[1])
images = tf.constant(np.load(sys.argv[2]))
serve = classifier.signatures["serve"](images)["probabilities"]
predict = classifier.predict(images, tf.constant(3), tf.constant(11))
np.savez(sys.argv[3], serve=serve, predict=predict["probabilities"])
assert "mp_keras" not in sys.modules
"""


class ServeTest:
    def test_gives_probabilities(self, loaded, images):
        probabilities = loaded.serve(images)["probabilities"].numpy()
        assert probabilities.shape == (5, 3)
        assert probabilities.dtype == "float32"
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
        assert probabilities.min() > 0

    def test_is_repeatable_over_calls_and_loads(self, loaded, path, images):
        first = loaded.serve(images)["probabilities"]
        again = tf.saved_model.load(str(path))
        predict(again, images, 2, 1)
        for classifier in (loaded, again, again):
            np.testing.assert_array_equal(
                classifier.serve(images)["probabilities"], first
            )

    def test_averages_the_samples_of_the_export(self, loaded, model, images):
        actual = loaded.serve(images)["probabilities"]
        np.testing.assert_allclose(
            actual, expected(model, images, SAMPLES, SEED), rtol=1e-4
        )

    def test_takes_any_batch_and_only_pixels(self, loaded, images):
        assert loaded.serve(images[:1])["probabilities"].shape == (1, 3)
        with pytest.raises((ValueError, TypeError), match="float32"):
            loaded.serve(tf.constant(images, tf.float32))
        with pytest.raises((ValueError, TypeError), match="8, 8, 3"):
            loaded.serve(tf.zeros((1, 9, 9, 3), tf.uint8))


class PredictTest:
    @pytest.mark.parametrize(("samples", "seed"), [(1, 0), (7, 3)])
    def test_equals_monte_carlo_predict(
        self, loaded, model, images, samples, seed
    ):
        np.testing.assert_allclose(
            predict(loaded, images, samples, seed),
            expected(model, images, samples, seed),
            rtol=1e-4,
        )

    def test_seed_and_samples_count(self, loaded, images):
        first = predict(loaded, images, 2, 0)
        np.testing.assert_array_equal(predict(loaded, images, 2, 0), first)
        for samples, seed in ((2, 1), (3, 0)):
            other = predict(loaded, images, samples, seed)
            assert np.abs(other - first).max() > 1e-4

    @pytest.mark.parametrize("samples", [0, -1])
    def test_samples_must_be_positive(self, loaded, images, samples):
        error = tf.errors.InvalidArgumentError
        with pytest.raises(error, match="`samples` must be at least 1"):
            predict(loaded, images, samples, 0)


def encode(pixels, file_format, mode="RGB"):
    """Returns the bytes of an image file."""
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, file_format)
    return file.getvalue()


class ServeFilesTest:
    def test_equals_serve_of_the_pixels(self, loaded, images):
        encoded = tf.constant([encode(image, "PNG") for image in images])
        np.testing.assert_allclose(
            loaded.serve_files(encoded)["probabilities"],
            loaded.serve(images)["probabilities"],
            rtol=1e-5,
        )

    @pytest.mark.parametrize(
        ("file_format", "mode"),
        [("PNG", mode) for mode in ("RGB", "RGBA", "L", "P")]
        + [("JPEG", mode) for mode in ("RGB", "CMYK")]
        + [("BMP", "RGB"), ("GIF", "RGB")],
    )
    def test_reads_and_resizes_as_the_training_data(
        self, loaded, file_format, mode
    ):
        small = np.random.default_rng(1).integers(0, 256, (7, 9, 3), np.uint8)
        photo = Image.fromarray(small).resize((45, 30), Image.BICUBIC)
        encoded = encode(np.asarray(photo), file_format, mode)
        with Image.open(io.BytesIO(encoded)) as image:
            pixels = np.asarray(image.convert("RGB"))
        pixels = image_resizing.resize_array(pixels[None], 8)
        np.testing.assert_allclose(
            loaded.serve_files(tf.constant([encoded]))["probabilities"],
            loaded.serve(pixels)["probabilities"],
            rtol=1e-5,
        )

    def test_refuses_what_is_no_image(self, loaded):
        with pytest.raises(tf.errors.InvalidArgumentError, match="Unknown im"):
            loaded.serve_files(tf.constant([b"text"]))

    @pytest.mark.parametrize(("channels", "reads"), [(1, True), (2, False)])
    def test_one_or_three_channels(self, tmp_path, channels, reads):
        inputs = keras.Input((4, 4, channels))
        outputs = keras.layers.Dense(2)(keras.layers.Flatten()(inputs))
        mp_keras.save_classifier(keras.Model(inputs, outputs), tmp_path / "x")
        signatures = tf.saved_model.load(str(tmp_path / "x")).signatures
        assert ("serve_files" in signatures) == reads


class SignaturesTest:
    def test_names_types_and_shapes(self, loaded):
        scalar = (tf.int32, ())
        images = {"images": (tf.uint8, (None, 8, 8, 3))}
        actual = {
            name: {
                key: (spec.dtype, tuple(spec.shape))
                for key, spec in signature.structured_input_signature[1].items()
            }
            for name, signature in loaded.signatures.items()
        }
        assert actual == {
            "serving_default": images,
            "serve": images,
            "serve_files": {"image_bytes": (tf.string, (None,))},
            "predict": {**images, "samples": scalar, "seed": scalar},
        }


class SaveClassifierTest:
    def test_loads_where_only_tensorflow_is(
        self, path, loaded, images, tmp_path
    ):
        np.save(tmp_path / "images.npy", images)
        arguments = [path, tmp_path / "images.npy", tmp_path / "out.npz"]
        result = subprocess.run(
            [sys.executable, "-c", _CLIENT, *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        outputs = np.load(tmp_path / "out.npz")
        here = loaded.serve(images)["probabilities"]
        np.testing.assert_allclose(outputs["serve"], here, rtol=1e-5)
        np.testing.assert_allclose(
            outputs["predict"], predict(loaded, images, 3, 11), rtol=1e-5
        )

    def test_plain_network_needs_no_noise(self, images, tmp_path):
        inputs = keras.Input((8, 8, 3))
        outputs = keras.layers.Dense(2)(keras.layers.Flatten()(inputs))
        model = keras.Model(inputs, outputs)
        mp_keras.save_classifier(model, tmp_path / "plain")
        loaded = tf.saved_model.load(str(tmp_path / "plain"))
        once = predict(loaded, images, 1, 0)
        for samples, seed in ((1, 5), (9, 0)):
            np.testing.assert_allclose(
                predict(loaded, images, samples, seed), once, rtol=1e-5
            )
        np.testing.assert_allclose(
            loaded.serve(images)["probabilities"], once, rtol=1e-5
        )

    def test_failing_save_leaves_the_old_one(
        self, model, images, tmp_path, monkeypatch
    ):
        (tmp_path / "classifier").mkdir()
        (tmp_path / "classifier" / "old").write_text("old")

        def fail(*arguments, **keywords):
            raise OSError("the disk is full")

        monkeypatch.setattr(tf.saved_model, "save", fail)
        with pytest.raises(OSError, match="full"):
            mp_keras.save_classifier(model, tmp_path / "classifier")
        assert [f.name for f in tmp_path.iterdir()] == ["classifier"]
        assert (tmp_path / "classifier" / "old").read_text() == "old"

    def test_samples_must_be_positive(self, model, tmp_path):
        with pytest.raises(ValueError, match="`samples` must be at least 1"):
            mp_keras.save_classifier(model, tmp_path / "none", samples=0)
        assert not (tmp_path / "none").exists()
