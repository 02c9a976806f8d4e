"""`python -m tools.evaluate` on the classifier of a finished run."""

import json

import pytest

from tests import squares
from tests.tools import processes


class EvaluateTest:
    def test_prints_and_leaves_the_metrics_of_other_data(
        self, target_run, tmp_path
    ):
        other = squares.write_npz(tmp_path / "other.npz", test_per_class=2)
        output = processes.succeed(
            "evaluate",
            f"--workdir={target_run}",
            "--config=configs/target/default.py:conv4,smoke",
            f"--config.data.source={other}",
            "--config.samples=3",
        )
        metrics = json.loads(output)
        left = json.loads((target_run / "evaluation.json").read_text())
        assert metrics == left
        assert (metrics["examples"], metrics["samples"]) == (8, 3)
        assert metrics["data"] == other
        # 8 images, and Keras' confidence bins hold something.
        assert metrics["accuracy"] % 12.5 == pytest.approx(0)
        assert metrics["negative_log_likelihood"] > 0
