"""The measured part of docs/scaling.md."""

import pathlib

import pytest

from pipeline.benchmarks import scaling_tables

PAGE = pathlib.Path(scaling_tables.__file__).parents[2] / "docs" / "scaling.md"
COMMON = {"network": "conv4", "batch_size": 8}
RESULTS = {
    "machine": "2 cores",
    "bytes": [
        {
            **COMMON,
            "gradient": [["CollectiveReduceV2", 82, 328]],
            "metrics": [["CollectiveReduceV2", 10, 40], ["Other", 1, 8]],
        }
    ],
    "tasks": [
        {
            **COMMON,
            "tasks": 4,
            "step_ms": 100.4,
            "start_s": 2.0,
            "peak_mb": 900.0,
        }
    ],
    "workers": [
        {**COMMON, "tasks": 4, "workers": 1, "step_ms": 99.0},
        {
            **COMMON,
            "tasks": 4,
            "workers": 2,
            "step_ms": 50.0,
            "reduction_ms": 1.234,
        },
    ],
}


class TablesTest:
    def test_rows(self):
        lines = scaling_tables.tables(RESULTS).splitlines()
        assert "| conv4 | 8 | 1 | 82 | 328 | 2 | 48 |" in lines
        assert "| conv4 | 8 | 4 | 100 | 25 | 2.0 | 900 |" in lines
        assert "| conv4 | 8 | 1 | 4 | 4 | 99 | none |" in lines
        assert "| conv4 | 8 | 2 | 4 | 2 | 50 | 1.23 |" in lines


class WritePageTest:
    def test_replaces_the_measured_part_alone(self, tmp_path):
        page = tmp_path / "page.md"
        page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
        scaling_tables.write_page(page, {**RESULTS, "machine": "old"})
        scaling_tables.write_page(page, RESULTS)
        text = page.read_text(encoding="utf-8")
        assert text.count(scaling_tables.tables(RESULTS)) == 1
        assert "Machine: old" not in text
        assert scaling_tables.check_page(page) == scaling_tables.check_page(
            PAGE
        )

    def test_page_without_marks_raises(self, tmp_path):
        (tmp_path / "page.md").write_text("# A page")
        with pytest.raises(ValueError, match="page.md must have the lines"):
            scaling_tables.write_page(tmp_path / "page.md", RESULTS)
