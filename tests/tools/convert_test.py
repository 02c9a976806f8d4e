"""`python -m tools.convert` on the classifier of a finished run."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import mp_keras
from tests import squares
from tests.tools import processes


class ConvertTest:
    @pytest.mark.parametrize("file_format", ["tflite", "onnx"])
    def test_writes_the_model_of_a_run(self, target_run, tmp_path, file_format):
        if file_format == "onnx":
            pytest.importorskip("onnxruntime")
        file = tmp_path / "classifier"
        output = processes.succeed(
            "convert",
            f"--workdir={target_run}",
            f"--format={file_format}",
            f"--output={file}",
            "--allow_loss",  # of a few images, nothing is certain
        )
        many, one, difference, written = output.splitlines()
        assert many.startswith("2 passes with noise: accuracy ")
        assert one.startswith("1 pass without noise: accuracy ")
        assert "points (95 % interval" in difference
        found = re.fullmatch(rf"{file}: .* by at most (\S+)", written)
        assert float(found[1]) <= 1e-5
        if file_format == "onnx":
            assert file.stat().st_size > 10_000
            return
        images, _ = squares.make_part(1)
        runner = tf.lite.Interpreter(str(file)).get_signature_runner()
        network = keras.models.load_model(target_run / "deterministic.keras")
        logits = network(mp_keras.normalize(images))
        np.testing.assert_allclose(
            runner(images=images)["probabilities"],
            keras.ops.softmax(logits),
            atol=1e-5,
        )
