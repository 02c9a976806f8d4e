"""A lost worker: start anew, so many times, or say so."""

import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf

from pipeline.workers import cluster as cluster_module
from pipeline.workers import restarts
from tests.tools import worker_processes

_ROOT = pathlib.Path(restarts.__file__).resolve().parents[2]


@pytest.fixture
def cluster():
    addresses = tuple(worker_processes.free_addresses(2))
    return cluster_module.Cluster(("worker 0", "worker 1"), addresses, 0)


@pytest.fixture
def started(monkeypatch):
    """Counts the starts, which would replace the test's own process."""
    starts = []
    monkeypatch.setenv("MP_KERAS_RESTARTS", "0")
    monkeypatch.setattr(restarts, "start_anew", lambda: starts.append(1))
    return starts


def lose():
    raise tf.errors.UnavailableError(None, None, "recvmsg: connection reset")


class RunTest:
    def test_result_is_returned(self, cluster, started):
        assert restarts.run(lambda: 5, cluster, 3) == 5
        assert not started

    def test_loss_starts_anew_as_often_as_allowed(
        self, cluster, started, capsys
    ):
        for count in (1, 2):
            restarts.run(lose, cluster, 2)
            assert len(started) == count
            assert capsys.readouterr().err == (
                f"worker 0 lost worker 1 at {cluster.addresses[1]}: starts "
                f"anew and waits for it ({count} of 2 times)\n"
            )
        message = f"lost worker 1 at {cluster.addresses[1]}(.|\n)*2 times"
        with pytest.raises(ConnectionError, match=message):
            restarts.run(lose, cluster, 2)
        assert len(started) == 2

    def test_worker_that_is_back_is_named_by_the_error(
        self, cluster, started, monkeypatch, capsys
    ):
        monkeypatch.setattr(
            cluster_module.Cluster, "silent_peers", lambda self: []
        )

        def lose_by_name():
            raise tf.errors.UnavailableError(
                None, None, "target /job:worker/replica:0/task:1 while calling"
            )

        restarts.run(lose_by_name, cluster, 1)
        assert "lost worker 1 at" in capsys.readouterr().err

    def test_other_errors_pass(self, cluster, started):
        def fail():
            raise tf.errors.InvalidArgumentError(None, None, "shapes")

        with pytest.raises(tf.errors.InvalidArgumentError):
            restarts.run(fail, cluster, 3)
        assert not started

    def test_negative_number_raises(self, cluster):
        with pytest.raises(ValueError, match="max_restarts=-1"):
            restarts.run(lose, cluster, -1)


class StartAnewTest:
    def test_is_the_same_process_and_command(self, tmp_path):
        """A port that was open is free again, in spite of the same id."""
        script = tmp_path / "script.py"
        script.write_text(
            "import os, socket, sys\n"
            "from pipeline.workers import restarts\n"
            "print(os.getpid(), sys.argv[1:])\n"
            "port = int(os.environ.get('PORT', 0))\n"
            "server = socket.create_server(('127.0.0.1', port))\n"
            "if port: sys.exit(3)\n"
            "os.environ['PORT'] = str(server.getsockname()[1])\n"
            "os.set_inheritable(server.fileno(), True)\n"
            "restarts.start_anew()\n"
        )
        process = subprocess.run(
            [sys.executable, str(script), "argument"],
            capture_output=True,
            text=True,
            env={"PYTHONPATH": str(_ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        assert process.returncode == 3, process.stderr
        first, second = process.stdout.splitlines()
        assert first == second
        assert first.endswith("['argument']")
