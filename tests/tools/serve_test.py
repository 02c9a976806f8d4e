"""`python -m tools.serve`: a process that answers, and its mistakes."""

import json
import re
import signal
import urllib.request

import pytest

from tests import squares
from tests.tools import processes


def error_of(*arguments):
    """Returns the one line in which a mistake ends."""
    code, output, errors = processes.run("serve", *arguments)
    assert (code, output) == (1, ""), errors
    return errors.splitlines()[-1]


class ServeTest:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_answers_until_it_is_stopped(self, target_run, number):
        process = processes.start(
            "serve",
            f"--model_dir={target_run / 'saved_model'}",
            "--model_name=squares",
            "--port=0",
        )
        try:
            line = process.stdout.readline()
            url = re.fullmatch(
                r"Answering at (http://127\.0\.0\.1:\d+"
                r"/v1/models/squares:predict)\n",
                line,
            )[1]
            images, _ = squares.make_part(1)
            body = json.dumps({"instances": images.tolist()}).encode()
            with urllib.request.urlopen(url, body, timeout=300) as answer:
                rows = json.load(answer)["predictions"]
        finally:
            process.send_signal(number)
            output, errors = process.communicate(timeout=300)
        assert [sum(row) for row in rows] == pytest.approx([1] * len(images))
        assert (process.returncode, output) == (0, ""), errors
        assert "Traceback" not in errors

    def test_folder_without_a_model(self, tmp_path):
        line = error_of(f"--model_dir={tmp_path}", "--port=0")
        assert f"Error: Folder {tmp_path} must hold a SavedModel" in line

    @pytest.mark.parametrize("port", ["-1", "65536", "http"])
    def test_port_that_is_none(self, tmp_path, port):
        line = error_of(f"--model_dir={tmp_path}", f"--port={port}")
        assert "port" in line and port in line
