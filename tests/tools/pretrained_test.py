"""From photographs and a file of weights to a table, with a kill between."""

import json

import keras
import pytest

from tests.tools import own_images_test
from tests.tools import processes

pytestmark = pytest.mark.long
_COUNTS = {"bottom": 14, "top": 14}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The folder of photographs, and the file of weights."""
    folder = tmp_path_factory.mktemp("pretrained")
    images = own_images_test.write_photos(folder / "photos", _COUNTS, 0)
    model = keras.applications.MobileNetV3Small(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    model.save_weights(folder / "small.weights.h5")
    return images, folder / "small.weights.h5"


@pytest.fixture(scope="module")
def command(files):
    images, weights = files
    return (
        "--config=configs/target/pretrained.py:MobileNetV3Small",
        f"--config.data.source=folder:{images}",
        f"--config.pretrained.weights={weights}",
        "--config.image_size=32",
        "--config.steps=60",
        "--config.log_every=10",
        "--config.checkpoint_every=10",
        "--config.deterministic.mixtures=64",
        "--config.samples=2",
    )


@pytest.fixture(scope="module")
def trained(files, command):
    """The folder of a run that was killed in its second phase."""
    workdir = files[0].parent / "run"
    history = workdir / "history.jsonl"

    def is_in_second_phase():
        return history.exists() and '"step": 40' in history.read_text()

    processes.kill_when(
        is_in_second_phase, "train_target", *command, f"--workdir={workdir}"
    )
    output = processes.succeed("train_target", *command, f"--workdir={workdir}")
    return workdir, output


class PretrainedTest:
    def test_train_goes_on_and_says_what_it_does(self, trained, files):
        workdir, output = trained
        assert f"MobileNetV3Small from {files[1]}, the last layer" in output
        assert "alone for 18 steps; 60 steps of 4 images" in output
        assert "Chosen for the data and 30 minutes: batch_size=4;" in output
        lines = (workdir / "history.jsonl").read_text().splitlines()
        steps = [json.loads(line)["step"] for line in lines]
        assert steps == [10, 18, 20, 30, 40, 50, 60]
        result = json.loads((workdir / "result.json").read_text())
        assert result["network"] == "MobileNetV3Small"
        assert "test images are recognized" in (
            workdir / "report.html"
        ).read_text(encoding="utf-8")

    def test_evaluate_and_predict(self, trained, files):
        workdir, _ = trained
        metrics = json.loads(
            processes.succeed("evaluate", f"--workdir={workdir}")
        )
        result = json.loads((workdir / "result.json").read_text())
        name = "negative_log_likelihood"  # accuracies of chance have ties
        assert metrics[name] == pytest.approx(result[name], rel=1e-3)
        table = workdir / "new.csv"
        processes.succeed(
            "predict",
            f"--model={workdir}",
            f"--images={files[0] / 'top'}",
            f"--output={table}",
        )
        assert len(table.read_text().splitlines()) == 1 + _COUNTS["top"]

    @pytest.mark.parametrize("file_format", ["tflite", "onnx"])
    def test_convert(self, trained, tmp_path, file_format):
        workdir, _ = trained
        file = tmp_path / f"classifier.{file_format}"
        processes.succeed(
            "convert",
            f"--workdir={workdir}",
            f"--format={file_format}",
            f"--output={file}",
            "--allow_loss",
        )
        assert file.stat().st_size > 100_000

    def test_a_wrong_file_ends_in_one_line(self, files, command, tmp_path):
        wrong = tmp_path / "damaged.weights.h5"
        wrong.write_bytes(files[1].read_bytes()[:100_000])
        code, _, errors = processes.run(
            "train_target",
            *command,
            f"--config.pretrained.weights={wrong}",
            f"--workdir={tmp_path / 'run'}",
        )
        assert code == 1
        (line,) = errors.splitlines()
        assert "must hold the weights of MobileNetV3Small" in line
