"""Runs a measurement in a process of its own, by name.

Each has the machine's whole memory to fill, and none meets what another one
left. A module that can be measured has a function `measure(**settings)`, whose
arguments and result JSON can hold.
"""

import importlib
import json
import pathlib
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
    process = subprocess.run(
        [python, "-c", _CODE, module, json.dumps(settings)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if process.returncode:
        lines = process.stderr.strip().splitlines() or ["no message"]
        raise ChildProcessError(
            f"Measurement {module} of {settings} must end well. "
            f"Received: exit code {process.returncode}, {lines[-1]}"
        )
    return json.loads(process.stdout.splitlines()[-1])


def answer():
    """In the process: prints the result for the command line's arguments."""
    module, settings = sys.argv[1:]
    measure = importlib.import_module(module).measure
    print(json.dumps(measure(**json.loads(settings))))
