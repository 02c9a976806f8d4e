"""Predictions of image files, as a table."""

import csv
import os

import keras
import numpy as np
import pytest
from PIL import Image

import mp_keras
from pipeline import csv_text
from pipeline.serving import file_prediction

CLASSES = ("dark", "=bright", "none")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run's folder, whose classifier tells dark from bright by the mean."""
    inputs = keras.Input((4, 4, 3))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    dense = keras.layers.Dense(3)
    model = keras.Model(inputs, dense(mean))
    dense.set_weights(
        [
            np.array([[-2.0, 2.0, 0.0]] * 3, "float32"),
            np.array([0, 0, -9], "float32"),
        ]
    )
    folder = tmp_path_factory.mktemp("run")
    mp_keras.save_classifier(model, folder / "saved_model", class_names=CLASSES)
    return folder


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    (folder / "deep").mkdir(parents=True)
    for name, value in {
        "a.png": 10,
        "b.webp": 240,
        "-c.gif": 250,
        "deep/d.tif": 20,
    }.items():
        pixels = np.full((6, 5, 3), value, np.uint8)
        Image.fromarray(pixels).save(folder / name)
    (folder / "e.jpg").write_bytes(b"no image")
    (folder / "notes.txt").write_text("no image")
    return folder


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class PredictFilesTest:
    def test_every_file_has_its_line(self, run, images, tmp_path):
        output = tmp_path / "out.csv"
        counts = file_prediction.predict_files(run, [str(images)], output)
        assert counts == (5, 1)
        lines = {line["file"]: line for line in read(output)}
        assert len(lines) == 5
        bright = lines[str(images / "b.webp")]
        # Logits are -2, 2, -9 times 3 x (240 / 127.5 - 1) and the bias.
        logits = 3 * (240 / 127.5 - 1) * np.array([-2, 2, 0]) + [0, 0, -9]
        expected = np.exp(logits) / np.exp(logits).sum()
        assert bright["class"] == "'=bright"
        assert float(bright["probability"]) == pytest.approx(
            expected[1], abs=1e-5
        )
        assert bright["runner_up"] == "dark"
        assert bright["error"] == ""
        assert lines[str(images / "deep" / "d.tif")]["class"] == "dark"
        broken = lines[str(images / "e.jpg")]
        assert broken["class"] == ""
        assert "must be a complete image" in broken["error"]

    def test_what_is_not_read_has_a_line_or_is_counted(
        self, run, images, tmp_path, caplog
    ):
        (images / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(9))
        output = tmp_path / "out.csv"
        counts = file_prediction.predict_files(run, [str(images)], output)
        assert counts == (6, 2)
        lines = {line["file"]: line for line in read(output)}
        error = lines[str(images / "phone.HEIC")]["error"]
        assert "Received: HEIC, which is not read" in error
        assert "left out 1 that are no images: 1 x .txt" in caplog.text

    def test_file_names_that_are_no_text(self, run, images, tmp_path):
        (images / "a.png").rename(images / os.fsdecode(b"caf\xe9.png"))
        output = tmp_path / "new" / "folder" / "out.csv"
        file_prediction.predict_files(run, [str(images)], output)
        names = [line["file"] for line in read(output)]
        assert str(images / "caf\\udce9.png") in names

    @pytest.mark.parametrize("output", ["images", "images/a.png"])
    def test_output_that_is_something_else(self, run, images, tmp_path, output):
        before = (images / "a.png").read_bytes()
        with pytest.raises(ValueError, match=f"CSV table. Rec.*{output}, "):
            file_prediction.predict_files(run, [str(images)], tmp_path / output)
        assert (images / "a.png").read_bytes() == before

    def test_all_classes_on_request(self, run, images, tmp_path):
        output = tmp_path / "out.csv"
        file_prediction.predict_files(
            run / "saved_model", [str(images / "a.png")], output, True
        )
        (line,) = read(output)
        probabilities = [line[f"p({name})"] for name in CLASSES]
        assert sum(map(float, probabilities)) == pytest.approx(1, abs=1e-5)

    def test_patterns_and_repeated_files(self, run, images, tmp_path):
        asked = [str(images / "*.png"), str(images / "a.png")]
        assert file_prediction.list_files(asked) == [images / "a.png"]

    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            ("d*", ["deep/d.tif"]),
            ("**/*.[tp]*[fg]", ["a.png", "deep/d.tif"]),
            ("**/d.tif", ["deep/d.tif"]),
        ],
    )
    def test_patterns_name_folders_and_what_is_below(
        self, images, pattern, expected
    ):
        (images / "@eaDir").mkdir()
        found = file_prediction.list_files([str(images / pattern)])
        assert found == [images / name for name in expected]

    def test_batches_do_not_matter(self, run, images, tmp_path, monkeypatch):
        whole, parts = tmp_path / "whole.csv", tmp_path / "parts.csv"
        file_prediction.predict_files(run, [str(images)], whole)
        monkeypatch.setattr(file_prediction, "_BATCH", 2)
        file_prediction.predict_files(run, [str(images)], parts)
        assert read(whole) == read(parts)

    @pytest.mark.parametrize(
        ("model", "asked", "error", "match"),
        [
            ("none", "images", FileNotFoundError, "must be the folder of a f"),
            ("run", "none.jpg", FileNotFoundError, "which names none"),
            ("run", "empty", ValueError, "There must be an image file"),
        ],
    )
    def test_what_is_not_there_is_named(
        self, run, images, tmp_path, model, asked, error, match
    ):
        (tmp_path / "empty").mkdir()
        output = tmp_path / "out.csv"
        output.write_text("before")
        place = run if model == "run" else tmp_path / model
        with pytest.raises(error, match=match):
            file_prediction.predict_files(
                place, [str(tmp_path / asked)], output
            )
        assert output.read_text() == "before"


class TextTest:
    @pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
    def test_formulas_stay_text(self, begin):
        assert csv_text.text(f"{begin}cmd") == f"'{begin}cmd"

    def test_other_text_is_left(self):
        assert csv_text.text("cat's=1") == "cat's=1"
