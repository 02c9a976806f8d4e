"""`python -m tools.generate_examples` in an environment without Apache Beam.

What it does in one with Beam is tested in `tests/environments/beam`.
"""

import importlib.util

import pytest

from tests.tools import processes


class GenerateExamplesTest:
    @pytest.mark.skipif(
        importlib.util.find_spec("apache_beam") is not None,
        reason="Apache Beam is here",
    )
    def test_environment_without_beam_ends_in_one_line(self, tmp_path):
        code, output, errors = processes.run(
            "generate_examples",
            f"--source=folder:{tmp_path}",
            "--image_size=8",
            f"--output={tmp_path / 'out'}",
        )
        assert code == 1 and output == ""
        assert "Error: ExampleGen on Apache Beam must run in" in errors
        assert "Traceback" not in errors
        assert not (tmp_path / "out").exists()
