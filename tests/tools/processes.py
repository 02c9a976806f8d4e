"""Runs the binaries as a user does: one process each, killed or not."""

import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
import tensorflow as tf

_ROOT = pathlib.Path(__file__).resolve().parents[2]
# Behind the line in which a mistake ends.
HINT = " (--verbosity=1 shows where it came from)"
_PATIENCE_S = 600  # for one process on a busy machine


def start(tool, *arguments, variables=None):
    """Starts `python -m tools.<tool>` in the root of the project.

    Args:
        tool: Str.
        *arguments: What follows on the command line.
        variables: Dict of further environment variables, or None.
    """
    command = [sys.executable, "-m", f"tools.{tool}", *map(str, arguments)]
    environment = {**os.environ, "PYTHONHASHSEED": "random"}
    environment.update(variables or {})
    return subprocess.Popen(
        command,
        cwd=_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(tool, *arguments, variables=None):
    """Returns exit code, standard output and standard error at the end."""
    with start(tool, *arguments, variables=variables) as process:
        try:
            output, errors = process.communicate(timeout=_PATIENCE_S)
        except BaseException:  # nobody else would end it
            process.kill()
            raise
    return process.returncode, output, errors


def succeed(tool, *arguments):
    """Runs to the end and returns the standard output."""
    code, output, errors = run(tool, *arguments)
    assert code == 0, errors
    return output


def kill_when(condition, tool, *arguments):
    """Sends SIGKILL as soon as `condition()`, which must come in time."""
    process = start(tool, *arguments)
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if process.poll() is not None:
            raise AssertionError(process.communicate()[1])
        if time.monotonic() > deadline:
            process.kill()
            raise AssertionError(f"no such moment in {_PATIENCE_S} s")
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert process.returncode == -9


def assert_killed_run_goes_on(arguments, workdir, unbroken):
    """Kills a run between two checkpoints, after step 10, and resumes it."""
    command = (*arguments, f"--workdir={workdir}")
    history = workdir / "history.jsonl"
    kill_when(
        lambda: history.exists() and history.read_text().count("\n") >= 5,
        *command,
    )
    assert checkpointed_step(workdir) >= 8
    assert not (workdir / "result.json").exists()
    succeed(*command)
    assert_same_run(workdir, unbroken)
    ours, theirs = (
        json.loads((folder / "result.json").read_text())
        for folder in (workdir, unbroken)
    )
    assert {**ours, "seconds": 0} == {**theirs, "seconds": 0}


def checkpointed_step(workdir, member=""):
    """Returns the step of the newest whole checkpoint of a run, or 0.

    Args:
        workdir: Path.
        member: Str, the worker's folder of checkpoints, if there are several.
    """
    folder = workdir / "checkpoints" / member
    try:
        path = tf.train.latest_checkpoint(str(folder))
    except (tf.errors.OpError, ValueError):  # read while it is replaced
        return 0
    return int(path.rpartition("-")[2]) if path else 0


def checkpointed_tensors(workdir, member=""):
    """Returns every tensor of the newest checkpoint of a run or worker."""
    path = tf.train.latest_checkpoint(str(workdir / "checkpoints" / member))
    reader = tf.train.load_checkpoint(path)
    names = [
        name
        for name in reader.get_variable_to_shape_map()
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH"
    ]
    return {name: reader.get_tensor(name) for name in names}


def assert_same_run(actual, expected):
    """Compares checkpoint and history of two runs, bit for bit."""
    assert checkpointed_step(actual) == checkpointed_step(expected) > 0
    ours, theirs = map(checkpointed_tensors, (actual, expected))
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        np.testing.assert_array_equal(ours[name], value, err_msg=name)
    for file in ("history.jsonl", "config.json"):
        assert (actual / file).read_text() == (expected / file).read_text()
