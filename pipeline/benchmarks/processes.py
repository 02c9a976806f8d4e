"""Runs a measurement in a process of its own, by name.

Each has the machine's whole memory to fill, and none meets what another one
left. A module that can be measured has a function `measure(**settings)`, whose
arguments and result JSON can hold.
"""

import importlib
import json
import os
import pathlib
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
_CODE = f"from {__name__} import answer; answer()"


def run(module, settings, python=sys.executable, environment=None):
    """Returns what `measure(**settings)` of a module returns in a process.

    Args:
        module: Str, a module's full name.
        settings: Dict.
        python: Path-like of the interpreter.
        environment: Dict of environment variables, or None for this process'.

    Raises: ChildProcessError, if the process fails; has its last line.
    """
    process = _start(module, settings, python, environment)
    return _answer_of([process], module, settings)


def run_workers(module, settings, workers):
    """Returns the same, of the chief of several processes.

    Args:
        module, settings: As `run` takes them.
        workers: Int, processes, of which TF_CONFIG tells each; on the loopback
            address.

    Raises: ChildProcessError, if one fails; has its last line.
    """
    addresses = _free_addresses(workers)
    processes = []
    for number in range(workers):
        config = {
            "cluster": {"worker": addresses},
            "task": {"type": "worker", "index": number},
        }
        environment = {**os.environ, "TF_CONFIG": json.dumps(config)}
        processes.append(_start(module, settings, sys.executable, environment))
    return _answer_of(processes, module, settings)


def _start(module, settings, python, environment):
    return subprocess.Popen(
        [python, "-c", _CODE, module, json.dumps(settings)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _answer_of(processes, module, settings):
    """Waits for all, and returns what the first one measured."""
    outputs = [process.communicate() for process in processes]
    for process, (_, errors) in zip(processes, outputs):
        if process.returncode:
            lines = errors.strip().splitlines() or ["no message"]
            raise ChildProcessError(
                f"Measurement {module} of {settings} must end well. "
                f"Received: exit code {process.returncode}, {lines[-1]}"
            )
    return json.loads(outputs[0][0].splitlines()[-1])


def _free_addresses(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return [f"127.0.0.1:{port}" for port in ports]


def answer():
    """In the process: prints the result for the command line's arguments."""
    module, settings = sys.argv[1:]
    measure = importlib.import_module(module).measure
    print(json.dumps(measure(**json.loads(settings))))
