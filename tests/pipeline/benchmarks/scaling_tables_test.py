"""The measured part of docs/scaling.md."""

import pathlib

import pytest

from pipeline.benchmarks import measured_page
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
        measured_page.write(page, scaling_tables.TOOL, "old")
        measured_page.write(page, scaling_tables.TOOL, "the new tables")
        text = page.read_text(encoding="utf-8")
        assert text.count("\n\nthe new tables\n") == 1
        assert "\nold\n" not in text
        parts = [
            measured_page.check(file, scaling_tables.TOOL)
            for file in (page, PAGE)
        ]
        assert parts[0] == parts[1]

    def test_page_without_marks_raises(self, tmp_path):
        (tmp_path / "page.md").write_text("# A page")
        with pytest.raises(ValueError, match="page.md must have the lines"):
            measured_page.write(tmp_path / "page.md", scaling_tables.TOOL, "a")
