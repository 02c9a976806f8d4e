"""Classifiers' SavedModels: damaged, and with other programs in them."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2

from pipeline.serving import served_model
from tests.hostile import child
from tests.hostile import good_files
from tests.hostile import payloads

SHAPE = (None, good_files.SIZE, good_files.SIZE, 3)


@pytest.fixture
def good_classifier(prepare):
    return prepare("classifier") / "classifier"


class Program(tf.Module):
    """A SavedModel with a classifier's endpoints that does one more thing."""

    def __init__(self, act):
        self._act = act

    @tf.function(input_signature=[tf.TensorSpec(SHAPE, tf.uint8, "images")])
    def serve(self, images):
        with tf.control_dependencies([self._act()]):
            return {"probabilities": tf.zeros((tf.shape(images)[0], 2))}

    @tf.function(
        input_signature=[
            tf.TensorSpec(SHAPE, tf.uint8, "images"),
            tf.TensorSpec((), tf.int32, "samples"),
            tf.TensorSpec((), tf.int32, "seed"),
        ]
    )
    def predict(self, images, samples, seed):
        return self.serve(images)


def save_program(act, folder):
    program = Program(act)
    tf.saved_model.save(
        program,
        str(folder),
        signatures={"serve": program.serve, "predict": program.predict},
    )
    return folder


def write_file():
    return tf.io.write_file(child.EXECUTED, "by a graph")


def read_file():
    return tf.io.read_file("/etc/hostname")


def print_to_file():
    return tf.print("by a graph", output_stream=f"file://{child.EXECUTED}")


def call_python():
    return tf.py_function(lambda: 1, [], tf.int32)


@tf.function
def save_file():
    tf.raw_ops.SaveV2(
        prefix=child.EXECUTED,
        tensor_names=["a"],
        shape_and_slices=[""],
        tensors=[tf.constant(1)],
    )
    return tf.constant(1)


class SavedClassifierTest:
    def test_damaged_files(self, good_classifier, read_damaged, seed, times):
        counts = read_damaged("classifier", "classifier", seed, times)
        assert counts["refused"] > 10

    @pytest.mark.parametrize(
        "act",
        [write_file, read_file, print_to_file, call_python, save_file],
        ids=lambda act: getattr(act, "__name__", "save_file"),
    )
    def test_graph_that_does_more_than_compute(self, act, tmp_path):
        folder = save_program(act, tmp_path / "1")
        with pytest.raises(ValueError, match="nothing but compute(.|\n)*opera"):
            served_model.Version(1, folder)
        with pytest.raises(ValueError, match="a version that loads"):
            served_model.ServedModel(tmp_path)

    def test_function_disguised_as_that_which_saves(self, tmp_path):
        folder = save_program(save_file, tmp_path / "1")
        file = folder / "saved_model.pb"
        saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
        functions = saved.meta_graphs[0].graph_def.library.function
        (name,) = {
            function.signature.name
            for function in functions
            if any(node.op == "SaveV2" for node in function.node_def)
            and "traced_save" not in function.signature.name
        }
        disguise = "__inference__traced_save_99"
        for function in functions:
            if function.signature.name == name:
                function.signature.name = disguise
            for node in function.node_def:
                if node.attr["f"].func.name == name:
                    node.attr["f"].func.name = disguise
        file.write_bytes(saved.SerializeToString())
        with pytest.raises(ValueError, match=f"calls(.|\n)*{disguise}"):
            served_model.Version(1, folder)

    def test_saved_model_of_tensorflow_1(self, good_classifier):
        file = good_classifier / "saved_model.pb"
        saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
        saved.meta_graphs[0].ClearField("object_graph_def")
        file.write_bytes(saved.SerializeToString())
        with pytest.raises(ValueError, match="none of TensorFlow 2"):
            served_model.Version(1, good_classifier)


class ServeFilesTest:
    @pytest.fixture
    def version(self, good_classifier):
        return served_model.Version(1, good_classifier)

    @pytest.mark.parametrize("kind", ["BMP", "JPEG", "PNG"])
    def test_image_that_lies_about_its_size(self, version, kind):
        if kind == "PNG":
            content = payloads.png(20_000, 20_000)
        else:
            good_one = good_files.encode(kind)
            content = payloads.with_size(kind, good_one, 60_000, 60_000)
        with pytest.raises(tf.errors.InvalidArgumentError, match="at most 671"):
            version.signatures["serve_files"](
                image_bytes=tf.constant([content])
            )

    @pytest.mark.parametrize("kind", ["BMP", "JPEG", "PNG"])
    def test_good_images_have_the_size_that_they_say(self, version, kind):
        pixels = np.zeros((300, 500, 3), np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, kind)
        outputs = version.signatures["serve_files"](
            image_bytes=tf.constant([buffer.getvalue()])
        )
        assert outputs["probabilities"].shape == (1, 2)

    def test_kinds_that_do_not_say_their_size_first(self, version):
        for kind in ("GIF", "TIFF", "WEBP"):
            content = good_files.encode(kind)
            with pytest.raises(
                tf.errors.InvalidArgumentError, match="JPEG, PNG or BMP"
            ):
                version.signatures["serve_files"](
                    image_bytes=tf.constant([content])
                )

    @pytest.mark.parametrize("content", [b"", b"G", b"BM", b"\x89PNG"])
    def test_short_file(self, version, content):
        with pytest.raises(tf.errors.InvalidArgumentError):
            version.signatures["serve_files"](
                image_bytes=tf.constant([content])
            )
