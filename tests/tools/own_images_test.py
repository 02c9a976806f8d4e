"""The walk of docs/own_images.md, from photographs to a table and a server."""

import base64
import csv
import json
import re
import signal
import time
import urllib.request

import numpy as np
import pytest
from PIL import Image

from tests.tools import processes

pytestmark = pytest.mark.long
_COUNTS = {"bottom": 24, "middle": 40, "top": 60}
_UPSIDE_DOWN = 3  # Exif
_QUICK = (  # the batch alone is left to the data
    "--config.image_size=16",
    "--config.steps=120",
    "--config.deterministic.mixtures=100",
    "--config.samples=4",
)


def write_photo(path, row, random):
    """Writes 64×48 pixels, a third of them bright: the row-th from the top."""
    pixels = random.integers(0, 100, (48, 64, 3))
    pixels[16 * row : 16 * row + 16] += 140
    pixels = pixels.astype(np.uint8)
    options = {}
    if path.suffix == ".jpg" and random.integers(2):
        exif = Image.Exif()
        exif[0x0112] = _UPSIDE_DOWN
        options, pixels = {"exif": exif}, pixels[::-1, ::-1]
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, **options)


def write_photos(folder, counts, seed):
    random = np.random.default_rng(seed)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        row = ("top", "middle", "bottom").index(name)
        for index in range(count):
            suffix = (".jpg", ".jpg", ".png", ".webp", ".tif")[index % 5]
            write_photo(folder / name / f"IMG {index}{suffix}", row, random)
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("walk") / "photos", _COUNTS, 0)


@pytest.fixture(scope="module")
def trained(images):
    """The folder of a run, and what it said."""
    workdir = images.parent / "run"
    output = processes.succeed(
        "train_target",
        "--config=configs/target/own_images.py:conv4",
        f"--config.data.source=folder:{images}",
        *_QUICK,
        f"--workdir={workdir}",
    )
    return workdir, output


@pytest.fixture(scope="module")
def others(images):
    """Photographs of another day, three of each class."""
    counts = dict.fromkeys(_COUNTS, 3)
    return write_photos(images.parent / "others", counts, 1)


class OwnImagesTest:
    def test_train_says_what_it_does_and_learns(self, trained):
        workdir, output = trained
        # 124 images; a fifth of each class, and of the rest, is held out.
        assert "79 training, 20 validation, 25 test images, 3 classes" in output
        assert "64×48 → 16×16 px" in output
        assert "Chosen for the data and 30 minutes: batch_size=16;" in output
        assert "of training left" in output
        result = json.loads((workdir / "result.json").read_text())
        assert result["accuracy"] > 90
        assert result["temperature"] is not None
        page = (workdir / "report.html").read_text(encoding="utf-8")
        assert "of 25 test images are recognized" in page
        assert "--config.steps=120" in page

    def test_evaluate_another_folder(self, trained, others):
        workdir, _ = trained
        output = processes.succeed(
            "evaluate", f"--workdir={workdir}", f"--data=folder:{others}"
        )
        metrics = json.loads(output)
        assert metrics["examples"] == 9
        assert metrics["balanced_accuracy"] > 70
        page = (workdir / "evaluation.html").read_text(encoding="utf-8")
        assert "of 9 test images are recognized" in page

    def test_predict_and_serve_agree_on_every_format(self, trained, others):
        workdir, _ = trained
        table = workdir / "others.csv"
        processes.succeed(
            "predict",
            f"--model={workdir}",
            f"--images={others / 'top'}",
            f"--output={table}",
            "--per_class",
        )
        with open(table, newline="", encoding="utf-8") as file:
            (first, *rest) = list(csv.DictReader(file))
        assert len(rest) == 2 and not first["error"]
        server = processes.start(
            "serve", f"--model_dir={workdir / 'saved_model'}", "--port=0"
        )
        try:
            address = re.search(r"http://\S+", server.stdout.readline())[0]
            for suffix in (".jpg", ".webp", ".tif"):
                file = others / "top" / f"sent{suffix}"
                write_photo(file, 0, np.random.default_rng(2))
                row = {"b64": base64.b64encode(file.read_bytes()).decode()}
                body = {"signature_name": "serve_files", "instances": [row]}
                with urllib.request.urlopen(
                    address, json.dumps(body).encode(), timeout=300
                ) as answer:
                    (row,) = json.load(answer)["predictions"]
                assert np.argmax(row) == sorted(_COUNTS).index("top")
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=300)

    def test_convert(self, trained, tmp_path):
        workdir, _ = trained
        file = tmp_path / "classifier.tflite"
        processes.succeed(
            "convert",
            f"--workdir={workdir}",
            "--format=tflite",
            f"--output={file}",
            "--allow_loss",
        )
        assert file.stat().st_size > 10_000

    def test_the_finished_run_answers_at_once(self, trained, images):
        workdir, _ = trained
        start = time.monotonic()
        output = processes.succeed(
            "train_target",
            "--config=configs/target/own_images.py:conv4",
            f"--config.data.source=folder:{images}",
            *_QUICK,
            f"--workdir={workdir}",
        )
        assert json.loads(output)["steps"] == 120
        assert time.monotonic() - start < 120
