"""`python -m tools.meta_train --strategy=multi_worker`, by two processes."""

import json
import signal
import socket

import numpy as np
import pytest

import mp_keras
from tests.tools import processes
from tests.tools import worker_processes

pytestmark = pytest.mark.workers


@pytest.fixture
def make_pair():
    """Makes a `WorkerPair`; no process outlives the test."""
    pairs = []

    def make(*arguments):
        pairs.append(worker_processes.WorkerPair(*arguments))
        return pairs[-1]

    yield make
    for pair in pairs:
        pair.stop()


@pytest.fixture(scope="module")
def arguments(meta_arguments):
    """The command line of a run with three checkpoints."""
    return (*meta_arguments, "--config.steps=12")


@pytest.fixture(scope="module")
def mirrored_run(arguments, tmp_path_factory):
    """The folder of the run of one process with two replicas."""
    workdir = tmp_path_factory.mktemp("mirrored")
    processes.succeed(
        *arguments,
        "--strategy=mirrored",
        "--config.replicas=2",
        f"--workdir={workdir}",
    )
    return workdir


def assert_same_as_mirrored(workdir, mirrored):
    """Compares φ, every task, the optimizer and the history bit for bit."""
    expected = processes.checkpointed_tensors(mirrored)
    seen = set()
    for member in worker_processes.MEMBERS:
        tensors = processes.checkpointed_tensors(workdir, member)
        seen.update(tensors)
        for name, array in tensors.items():
            np.testing.assert_array_equal(array, expected[name], err_msg=name)
    assert seen == expected.keys()
    phi, other = (
        mp_keras.load_perturbation(path / "phi").values()
        for path in (workdir, mirrored)
    )
    for name, array in phi.items():
        np.testing.assert_array_equal(array, other[name])
    ours, theirs = (
        (path / "history.jsonl").read_text() for path in (workdir, mirrored)
    )
    assert ours == theirs


class TwoWorkersTest:
    def test_equal_two_replicas_of_one_process(
        self, make_pair, arguments, mirrored_run, tmp_path
    ):
        pair = make_pair(arguments, tmp_path)
        for number in (0, 1):
            pair.start(number)
        (code, output, errors), other = pair.wait()
        assert (code, other[0]) == (0, 0), errors + other[2]
        assert_same_as_mirrored(tmp_path, mirrored_run)
        assert "worker 0: trains the tasks 0 to 0 of 2, from step 0" in output
        result = json.loads((tmp_path / "result.json").read_text())
        assert json.loads(output[output.index("{\n") :]) == result
        assert other[1].splitlines() == [
            "worker 1: trains the tasks 1 to 1 of 2, from step 0 to 12",
            "worker 1: finished",
        ]
        assert not list(tmp_path.glob("lock*"))
        config = json.loads((tmp_path / "config.json").read_text())
        assert config["workers"] == 2

    def test_killed_and_restarted_workers_resume(
        self, make_pair, arguments, mirrored_run, tmp_path
    ):
        """First worker 1, then the chief; the other starts itself anew."""
        pair = make_pair(arguments, tmp_path)
        for number in (0, 1):
            pair.start(number)
        kinds = signal.SIGKILL, signal.SIGTERM
        for number, step, kind in zip((1, 0), (4, 8), kinds):
            pair.kill_at(number, step, kind)
            assert not (tmp_path / "result.json").exists()
            pair.start(number)
        (code, output, errors), other = pair.wait()
        assert (code, other[0]) == (0, 0), errors + other[2]
        assert_same_as_mirrored(tmp_path, mirrored_run)
        address = pair.addresses[0]
        assert f"worker 1 lost worker 0 at {address}: starts anew" in other[2]
        assert "from step 0 " not in output + other[1]


class FailureTest:
    def test_worker_that_never_comes_is_named(self, arguments, tmp_path):
        addresses = worker_processes.free_addresses(2)
        code, output, errors = processes.run(
            *arguments,
            f"--workdir={tmp_path}",
            "--strategy=multi_worker",
            "--worker_timeout=2",
            variables=worker_processes.tf_config(addresses, 0),
        )
        assert (code, output) == (1, ""), errors
        assert errors.splitlines()[-1] == (
            "Error: All 2 workers of TF_CONFIG must come within 2 s (flag "
            "--worker_timeout). Received: nothing from worker 1 at "
            f"{addresses[1]}{processes.HINT}"
        )

    def test_worker_of_another_cluster_is_not_waited_for(
        self, meta_arguments, tmp_path
    ):
        """Something listens at its port and never joins."""
        with socket.create_server(("127.0.0.1", 0)) as stranger:
            port = stranger.getsockname()[1]
            addresses = worker_processes.free_addresses(1)
            addresses.append(f"127.0.0.1:{port}")
            code, output, errors = processes.run(
                *meta_arguments,
                f"--workdir={tmp_path}",
                "--strategy=multi_worker",
                "--worker_timeout=3",
                variables=worker_processes.tf_config(addresses, 0),
            )
        assert (code, output) == (-signal.SIGKILL, ""), errors
        last = errors.splitlines()[-1]
        assert last.startswith("Error: All 2 workers of TF_CONFIG must join")
        assert last.endswith(
            f"no common cluster, of worker 1 at {addresses[1]}"
        )

    def test_workers_with_different_configs_say_so(
        self, make_pair, arguments, tmp_path
    ):
        pair = make_pair(arguments, tmp_path)
        pair.start(0)
        pair.start(1, "--config.seed=7")
        for code, output, errors in pair.wait():
            assert (code, output) == (1, ""), errors
            line = errors.splitlines()[-1].removesuffix(processes.HINT)
            assert line.endswith("seed=0 at worker 0, seed=7 at worker 1")
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            (["--strategy=multi_worker"], "Received: no TF_CONFIG"),
            (
                ["--strategy=one_device", "--config.replicas=2"],
                "--strategy=one_device needs --config.replicas=1. Received: "
                "replicas=2",
            ),
        ],
    )
    def test_wrong_flags_end_in_one_line(
        self, arguments, tmp_path, flags, message
    ):
        code, output, errors = processes.run(
            *arguments, f"--workdir={tmp_path}", *flags
        )
        assert (code, output) == (1, "")
        assert errors.splitlines()[-1].startswith("Error: ")
        assert errors.splitlines()[-1].endswith(message + processes.HINT)
