"""`python -m tools.predict` with the classifier of a finished run."""

import csv

import numpy as np
from PIL import Image

from tests.tools import processes


class PredictTest:
    def test_writes_a_table_and_says_what_failed(self, target_run, tmp_path):
        images = tmp_path / "images"
        images.mkdir()
        for number in range(3):
            pixels = np.full((9, 7, 3), 80 * number, np.uint8)
            Image.fromarray(pixels).save(images / f"{number}.png")
        flags = [
            f"--model={target_run}",
            f"--images={images}",
            f"--output={tmp_path / 'out.csv'}",
        ]
        assert "3 of 3 images predicted" in processes.succeed("predict", *flags)
        (images / "bad.png").write_bytes(b"no image")
        code, _, errors = processes.run("predict", *flags)
        assert code == 1
        assert "1 could not be read" in errors
        with open(tmp_path / "out.csv", newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        assert len(lines) == 4
        assert sum(bool(line["error"]) for line in lines) == 1
