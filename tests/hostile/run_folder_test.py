"""The JSON files of a run's folder, damaged."""

import json

import pytest

from pipeline.runs import run_folder
from tests.hostile import readers

LINES = [b'{"step": 5}', b'{"step": 10}', b'{"step": 15}']


class RunFolderTest:
    @pytest.fixture(autouse=True)
    def _good(self, prepare):
        prepare("run")

    def test_damaged_files(self, read_damaged, seed, times):
        counts = read_damaged("run", "run", seed, times)
        # A changed letter or digit is another text or number.
        assert counts["refused"] > counts["other"]

    @pytest.mark.parametrize("file", ["config.json", "result.json"])
    @pytest.mark.parametrize("value", [[], 1.5, None, "a", True])
    def test_other_values_than_objects(self, refuse, file, value):
        content = json.dumps(value).encode()
        found = refuse("run", f"run/{file}", {"other": content})
        assert f"{file} must hold a JSON object" in found["other"]

    def test_seconds_that_are_none(self, refuse):
        values = (b"-1", b"NaN", b"Infinity", b"true", b'"9"', b"[]", b"1e999")
        contents = {value.decode(): value for value in values}
        found = refuse("run", "run/seconds.json", contents)
        assert all("number of seconds" in text for text in found.values())

    @pytest.mark.parametrize(
        "line", [b"", b"[]", b"{}", b'{"step": "5"}', b"\0" * 20, b"\xff", b"{"]
    )
    def test_damaged_line_of_a_history(self, refuse, line):
        lines = [LINES[0], line, LINES[2], b""]
        content = b"\n".join(lines)
        found = refuse("run", "run/history.jsonl", {"line": content})
        assert "Line 2 of" in found["line"]

    @pytest.mark.parametrize(
        "rest", [b"", b"{", b'{"step": 2', b"\0\0", b"\xff"]
    )
    def test_cut_last_line_of_a_history(self, good, rest):
        file = good / "run" / "history.jsonl"
        file.write_bytes(b"\n".join([*LINES, rest]))
        folder = run_folder.RunFolder(good / "run", readers.CONFIG)
        steps = [window["step"] for window in folder.history()]
        assert steps == [5, 10, 15]
