"""`python -m tools.serve`: a process that answers, and its mistakes."""

import contextlib
import http.client
import json
import re
import signal
import time
import urllib.parse
import urllib.request

import pytest

from tests import squares
from tests.tools import processes


def error_of(*arguments):
    """Returns the one line in which a mistake ends."""
    code, output, errors = processes.run("serve", *arguments)
    assert (code, output) == (1, ""), errors
    return errors.splitlines()[-1]


def ask(url, request):
    """Sends a request and returns its connection; nobody waits for it."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=300)
    connection.request("POST", parts.path, json.dumps(request))
    return contextlib.closing(connection)


class ServeTest:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_answers_until_it_is_stopped(self, target_run, number):
        process = processes.start(
            "serve",
            f"--model_dir={target_run / 'saved_model'}",
            "--model_name=squares",
            f"--max_samples={2**31 - 1}",
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
            endless = {"images": images[:1].tolist(), "seed": 0}
            endless["samples"] = 2**31 - 1
            request = {"signature_name": "predict", "inputs": endless}
            with ask(url, request):
                time.sleep(0.5)
                process.send_signal(number)
                began = time.monotonic()
                output, errors = process.communicate(timeout=300)
                seconds = time.monotonic() - began
        finally:
            process.kill()
        assert [sum(row) for row in rows] == pytest.approx([1] * len(images))
        assert (process.returncode, output) == (0, ""), errors
        assert "Traceback" not in errors
        assert seconds < 6  # 2 on a machine of its own

    def test_folder_without_a_model(self, tmp_path):
        line = error_of(f"--model_dir={tmp_path}", "--port=0")
        assert f"Error: Folder {tmp_path} must hold a SavedModel" in line

    @pytest.mark.parametrize("port", ["-1", "65536", "http"])
    def test_port_that_is_none(self, tmp_path, port):
        line = error_of(f"--model_dir={tmp_path}", f"--port={port}")
        assert "port" in line and port in line
