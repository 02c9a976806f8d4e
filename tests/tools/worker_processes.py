"""Runs `tools.meta_train` as two workers on the loopback address."""

import json
import socket
import time

from tests.tools import processes

MEMBERS = ("worker_0", "worker_1")
_PATIENCE_S = 400  # for two processes on a busy machine


class WorkerPair:
    """Two workers of one run, which may be killed and started again.

    Args:
        arguments: The command line after the tool; for one worker, or both.
        workdir: Path, the folder of the run.
    """

    def __init__(self, arguments, workdir):
        self.workdir = workdir
        self.arguments = (*arguments, f"--workdir={workdir}")
        self.addresses = free_addresses(2)
        self.processes = [None, None]

    def start(self, number, *more):
        self.processes[number] = processes.start(
            *self.arguments,
            "--strategy=multi_worker",
            *more,
            variables=tf_config(self.addresses, number),
        )

    def kill_at(self, number, step, kind):
        """Sends the signal once both have saved the checkpoint of `step`."""
        deadline = time.monotonic() + _PATIENCE_S
        while any(self.step(member) < step for member in MEMBERS):
            for process in self.processes:
                if process.poll() is not None:
                    raise AssertionError(process.communicate()[1])
            if time.monotonic() > deadline:
                raise AssertionError(f"no step {step} in {_PATIENCE_S} s")
            time.sleep(0.01)
        self.processes[number].send_signal(kind)
        self.processes[number].communicate(timeout=_PATIENCE_S)
        assert self.processes[number].returncode == -kind

    def step(self, member):
        return processes.checkpointed_step(self.workdir, member)

    def wait(self):
        """Returns (exit code, standard output, standard error) of both."""
        results = []
        for process in self.processes:
            output, errors = process.communicate(timeout=_PATIENCE_S)
            results.append((process.returncode, output, errors))
        return results

    def stop(self):
        for process in self.processes:
            if process is not None and process.poll() is None:
                process.kill()
                process.communicate()


def free_addresses(count):
    """Returns so many addresses whose ports were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return [f"127.0.0.1:{port}" for port in ports]


def tf_config(addresses, number):
    """Returns the environment variable of worker `number`, in a dict."""
    config = {
        "cluster": {"worker": addresses},
        "task": {"type": "worker", "index": number},
    }
    return {"TF_CONFIG": json.dumps(config)}
