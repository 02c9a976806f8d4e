"""`python -m tools.measure_scaling`, with cases of seconds."""

import json

import pytest

from tests.tools import processes

pytestmark = pytest.mark.workers


class MeasureScalingTest:
    def test_phi_crosses_workers_in_328_bytes(self, tmp_path):
        """Of two batch sizes; and every table has its rows."""
        out = tmp_path / "scaling.json"
        output = processes.succeed(
            "measure_scaling",
            f"--output={out}",
            "--tasks=1",
            "--steps=1",
            "--batch_size=2",
            "--image_size=16",
            "--traced_networks=conv4",
        )
        results = json.loads(out.read_text())
        assert len(results["bytes"]) == 2
        for row in results["bytes"]:
            assert row["gradient"] == [["CollectiveReduceV2", 82, 328]]
            assert [size for _, _, size in row["metrics"]] == [40, 8]
        assert [row["tasks"] for row in results["tasks"]] == [1]
        workers = [(r["workers"], r["tasks"]) for r in results["workers"]]
        assert workers == [(1, 2), (2, 2), (1, 1)]
        assert results["workers"][1]["reduction_ms"] > 0
        assert "| conv4 | 8 | 1 | 82 | 328 | 2 | 48 |" in output

    def test_failed_case_is_named(self, tmp_path):
        code, _, errors = processes.run(
            "measure_scaling",
            f"--output={tmp_path / 'scaling.json'}",
            "--traced_networks=conv5",
        )
        assert code == 1
        last = errors.splitlines()[-1]
        assert last.startswith("Error: Measurement pipeline.benchmarks.scaling")
        assert "'network': 'conv5'" in last
        assert "Did you mean 'conv6'" in last
