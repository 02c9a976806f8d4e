"""The exported classifier, here and where only TensorFlow is."""

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2

import mp_keras
from mp_keras.export import class_name_file
from mp_keras.export import conversion
from pipeline.datasets import image_files
from pipeline.datasets import image_resizing
from tests import plain_tensorflow
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


def linear(classes):
    """Returns the smallest classifier, of 4 x 4 images."""
    inputs = keras.Input((4, 4, 3))
    outputs = keras.layers.Dense(classes)(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, outputs)


def predict(loaded, images, samples, seed):
    outputs = loaded.predict(images, tf.constant(samples), tf.constant(seed))
    return outputs["probabilities"].numpy()


def expected(model, images, samples, seed):
    pixels = (images.astype("float32") / 255 - 0.5) / 0.5
    return mp_keras.monte_carlo_predict(model, pixels, samples, seed=seed)


# Runs in a process of its own: saved model, images, probabilities out.
_CLIENT = """
import numpy as np
import tensorflow as tf

classifier = tf.saved_model.load(sys.argv[1])
images = tf.constant(np.load(sys.argv[2]))
serve = classifier.signatures["serve"](images)["probabilities"]
predict = classifier.predict(images, tf.constant(3), tf.constant(11))
np.savez(sys.argv[3], serve=serve, predict=predict["probabilities"])
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
        + [("BMP", mode) for mode in ("RGB", "RGBA", "L")],
    )
    def test_reads_and_resizes_as_the_training_data(
        self, loaded, file_format, mode
    ):
        small = np.random.default_rng(1).integers(0, 256, (7, 9, 3), np.uint8)
        photo = Image.fromarray(small).resize((45, 30), Image.BICUBIC)
        encoded = encode(np.asarray(photo), file_format, mode)
        pixels = image_files.decode_bytes(encoded, mode)
        pixels = image_resizing.resize_array(pixels[None], 8)
        np.testing.assert_allclose(
            loaded.serve_files(tf.constant([encoded]))["probabilities"],
            loaded.serve(pixels)["probabilities"],
            rtol=1e-5,
        )

    @pytest.mark.parametrize("transparent", [False, True])
    @pytest.mark.parametrize("colors", [2, 4, 16])
    def test_few_bits_are_read_as_the_training_data(
        self, loaded, colors, transparent
    ):
        """Palettes of so few colours are stored in 1, 2 and 4 bits."""
        small = np.random.default_rng(1).integers(0, 256, (7, 9, 3), np.uint8)
        photo = Image.fromarray(small).resize((45, 30), Image.BICUBIC)
        file = io.BytesIO()
        options = {"transparency": bytes([0, 128])} if transparent else {}
        photo.quantize(colors).save(file, "PNG", **options)
        assert file.getvalue()[24] == {2: 1, 4: 2, 16: 4}[colors]
        read = image_files.decode_bytes(file.getvalue(), "few bits")
        read = image_resizing.resize_array(read[None], 8)
        np.testing.assert_allclose(
            loaded.serve_files(tf.constant([file.getvalue()]))["probabilities"],
            loaded.serve(read)["probabilities"],
            rtol=1e-5,
        )

    def test_one_bit_gray_is_read_as_the_training_data(self, loaded):
        pixels = np.random.default_rng(1).integers(0, 2, (30, 45), np.uint8)
        encoded = encode(np.repeat(255 * pixels[..., None], 3, 2), "PNG", "1")
        assert encoded[24:26] == b"\1\0"
        read = image_files.decode_bytes(encoded, "one bit")
        read = image_resizing.resize_array(read[None], 8)
        np.testing.assert_allclose(
            loaded.serve_files(tf.constant([encoded]))["probabilities"],
            loaded.serve(read)["probabilities"],
            rtol=1e-5,
        )

    def test_sixteen_bits_are_read_as_the_training_data(self, loaded):
        pixels = np.random.default_rng(1).integers(0, 2**16, (30, 45))
        file = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint16)).save(file, "PNG")
        read = image_files.decode_bytes(file.getvalue(), "16 bits")
        read = image_resizing.resize_array(read[None], 8)
        np.testing.assert_allclose(
            loaded.serve_files(tf.constant([file.getvalue()]))["probabilities"],
            loaded.serve(read)["probabilities"],
            rtol=1e-5,
        )

    @pytest.mark.parametrize("content", [b"text", b"", b"\xff\xfe", b"GIF89a"])
    def test_refuses_what_is_no_image(self, loaded, content):
        first = " ".join(str(byte) for byte in content)
        with pytest.raises(
            tf.errors.InvalidArgumentError,
            match=rf"JPEG, PNG or BMP files.*bytes\] \[{first}\]",
        ):
            loaded.serve_files(tf.constant([content]))

    @pytest.mark.parametrize("size", [None, 100, 9000])
    def test_refuses_webp(self, loaded, size):
        encoded = encode(np.zeros((8, 8, 3), np.uint8), "WEBP")
        if size:  # a canvas, which TensorFlow would make
            side = (size - 1).to_bytes(3, "little")
            canvas = b"VP8X\n\0\0\0" + bytes(4) + side + side
            encoded = encoded[:12] + canvas + encoded[12:]
        with pytest.raises(
            tf.errors.InvalidArgumentError,
            match=r"JPEG, PNG or BMP files(.|\n)*\(WebP\)",
        ):
            loaded.serve_files(tf.constant([encoded]))

    @pytest.mark.parametrize(
        ("mode", "place", "change", "received"),
        [
            ("P", 0, b"BM", "8. .0. .40"),  # a palette of colours
            ("1", 0, b"BM", "1. .0. .40"),
            ("L", 54, b"\1", "8. .0. .40"),  # one gray is none
            ("L", 30, b"\1", "8. .1. .40"),  # packed
            ("RGB", 28, b"\20", "16. .0. .40"),
            ("RGB", 14, b"\14", "24. .0. .12"),  # OS/2: 16-bit width
            ("RGBA", 30, b"\3", "32. .3. .40"),  # without masks
        ],
    )
    def test_refuses_other_bmp(self, loaded, mode, place, change, received):
        pixels = np.random.default_rng(1).integers(0, 256, (9, 8, 3), np.uint8)
        encoded = encode(pixels, "BMP", mode)
        encoded = encoded[:place] + change + encoded[place + len(change) :]
        with pytest.raises(
            tf.errors.InvalidArgumentError,
            match=rf"A BMP file in `image_bytes` must.*\[{received}\]",
        ):
            loaded.serve_files(tf.constant([encoded]))

    def test_reads_bmp_with_masks(self, loaded):
        pixels = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
        plain = encode(pixels, "BMP", "RGBA")
        masks = b"\0\0\xff\0" + b"\0\xff\0\0" + b"\xff\0\0\0"
        header = plain[:10] + b"\x42" + plain[11:30] + b"\3" + plain[31:54]
        encoded = header + masks + plain[54:]
        read = image_files.decode_bytes(encoded, "masks")
        np.testing.assert_array_equal(read, pixels)
        np.testing.assert_allclose(
            loaded.serve_files(tf.constant([encoded]))["probabilities"],
            loaded.serve(pixels[None])["probabilities"],
            rtol=1e-5,
        )

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
        plain_tensorflow.run(_CLIENT, *arguments, cwd=tmp_path)
        outputs = np.load(tmp_path / "out.npz")
        here = loaded.serve(images)["probabilities"]
        np.testing.assert_allclose(outputs["serve"], here, rtol=1e-5)
        np.testing.assert_allclose(
            outputs["predict"], predict(loaded, images, 3, 11), rtol=1e-5
        )

    def test_endpoints_share_one_graph_of_the_network(self, path, model):
        """In it, the first sample and those of the loop have a pass each."""
        stored = saved_model_pb2.SavedModel()
        stored.ParseFromString((path / "saved_model.pb").read_bytes())
        (graph,) = (meta.graph_def for meta in stored.meta_graphs)
        parts = [graph.node, *(f.node_def for f in graph.library.function)]
        count = sum(node.op == "Conv2D" for nodes in parts for node in nodes)
        layers = [type(layer) for layer in model._flatten_layers()]
        assert 0 < count <= 2 * layers.count(keras.layers.Conv2D)

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

    def test_class_names_are_an_asset(self, tmp_path):
        path = tmp_path / "named"
        for names in (["cat", "Σ"], ["dog", "cow"]):  # the second replaces it
            mp_keras.save_classifier(linear(2), path, class_names=names)
        assets = {
            file.name: file.read_text(encoding="utf-8")
            for file in (path / "assets").iterdir()
        }
        assert assets == {"class_names.txt": "dog\ncow\n"}
        loaded = tf.saved_model.load(str(path))
        pixels = tf.zeros((1, 4, 4, 3), tf.uint8)
        assert loaded.serve(pixels)["probabilities"].shape == (1, 2)

    def test_without_class_names_there_is_no_file(self, path):
        assert list(path.rglob("*class_names*")) == []

    @pytest.mark.parametrize(
        ("class_names", "message"),
        [
            (["cat", "dog", "cow"], "must hold 2 names(.|\n)*Received: 3"),
            (["cat", "dog\n"], "one line of text(.|\n)*name of class 1"),
        ],
    )
    def test_wrong_class_names_write_nothing(
        self, tmp_path, class_names, message
    ):
        path = tmp_path / "none"
        with pytest.raises(ValueError, match=message):
            mp_keras.save_classifier(linear(2), path, class_names=class_names)
        assert list(tmp_path.iterdir()) == []

    def test_failing_names_leave_the_old_one(self, tmp_path, monkeypatch):
        path = tmp_path / "classifier"
        mp_keras.save_classifier(linear(2), path, class_names=["cat", "dog"])

        def fail(folder, class_names):
            raise OSError("the disk is full")

        monkeypatch.setattr(class_name_file, "write_names", fail)
        with pytest.raises(OSError, match="full"):
            mp_keras.save_classifier(linear(2), path, class_names=["a", "b"])
        assert [f.name for f in tmp_path.iterdir()] == ["classifier"]
        assert class_name_file.read_names(path) == ("cat", "dog")

    def test_failing_save_leaves_the_old_one(
        self, model, tmp_path, monkeypatch
    ):
        plain_tensorflow.assert_failing_save_leaves_the_old_one(
            lambda path: mp_keras.save_classifier(model, path),
            tmp_path,
            monkeypatch,
        )

    def test_samples_must_be_positive(self, model, tmp_path):
        with pytest.raises(ValueError, match="`samples` must be at least 1"):
            mp_keras.save_classifier(model, tmp_path / "none", samples=0)
        assert not (tmp_path / "none").exists()


class KindsOfModelTest:
    @pytest.mark.parametrize("write", ["saved_model", "tflite"])
    def test_probabilities_of_raw_pixels(self, tmp_path, write):
        """A model that rescales by itself and ends in softmax."""
        inputs = keras.Input((8, 8, 3))
        features = keras.layers.Rescaling(1 / 255)(inputs)
        features = keras.layers.Flatten()(features)
        outputs = keras.layers.Dense(3, activation="softmax")(features)
        model = keras.Model(inputs, outputs)
        pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3))
        expected = model(pixels.astype("float32"))
        options = {"from_logits": False, "normalize": False}
        if write == "tflite":
            path = tmp_path / "model.tflite"
            conversion.convert_classifier(model, path, "tflite", **options)
            run = conversion._open_tflite(path.read_bytes())
            actual = run(pixels.astype(np.uint8))
        else:
            mp_keras.save_classifier(model, tmp_path / "saved", **options)
            loaded = tf.saved_model.load(tmp_path / "saved")
            images = tf.constant(pixels, tf.uint8)
            actual = loaded.serve(images)["probabilities"]
        np.testing.assert_allclose(actual, expected, atol=1e-6)

    def test_integers_are_not_normalized(self, tmp_path):
        inputs = keras.Input((8, 8, 3), dtype="uint8")
        features = keras.layers.Flatten()(keras.layers.Rescaling(0.01)(inputs))
        model = keras.Model(inputs, keras.layers.Dense(3)(features))
        message = "`normalize` must be False.*uint8"
        with pytest.raises(ValueError, match=message):
            mp_keras.save_classifier(model, tmp_path / "saved")
        with pytest.raises(ValueError, match=message):
            conversion.convert_classifier(model, tmp_path / "x", "tflite")
        mp_keras.save_classifier(model, tmp_path / "saved", normalize=False)
        loaded = tf.saved_model.load(tmp_path / "saved")
        pixels = np.arange(192, dtype="uint8").reshape(1, 8, 8, 3)
        np.testing.assert_allclose(
            loaded.serve(pixels)["probabilities"],
            keras.ops.softmax(model(pixels)),
            atol=1e-6,
        )

    def test_softmax_of_softmax_is_refused(self, tmp_path):
        inputs = keras.Input((8, 8, 3))
        outputs = keras.layers.Flatten()(inputs)
        outputs = keras.layers.Dense(3, activation="softmax")(outputs)
        model = keras.Model(inputs, outputs)
        with pytest.raises(ValueError, match="must end in logits"):
            mp_keras.save_classifier(model, tmp_path / "saved")
        with pytest.raises(ValueError, match="must end in logits"):
            conversion.convert_classifier(
                model, tmp_path / "m.tflite", "tflite"
            )
        assert list(tmp_path.iterdir()) == []

    def test_input_of_unknown_size_is_refused(self, tmp_path):
        class Subclassed(keras.Model):
            pass

        inputs = keras.Input((None, None, 3))
        pooled = keras.layers.GlobalAveragePooling2D()(inputs)
        unknown = keras.Model(inputs, keras.layers.Dense(2)(pooled))
        for model in (unknown, Subclassed()):
            with pytest.raises(ValueError, match="of known size"):
                mp_keras.save_classifier(model, tmp_path / "saved")

    def test_somebodys_folder_is_not_replaced(self, tmp_path):
        model = small_networks.make_network()
        plain_tensorflow.assert_somebodys_folder_is_not_replaced(
            lambda path: mp_keras.save_classifier(model, path), tmp_path
        )
