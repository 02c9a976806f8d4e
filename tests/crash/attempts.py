"""Runs that are killed: each in a process of its own, made in milliseconds.

A server process has imported everything and has not started TensorFlow; a copy
of it, made with fork, is as good as a new process.
"""

import contextlib
import multiprocessing
import os
import pathlib
import re
import sys
import time
import traceback

from tests.crash import file_operations

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_PATIENCE_S = 300
_MODULES = (
    "pipeline.trainings.meta_training",
    "pipeline.trainings.target_training",
    "pipeline.trainings.few_shot_training",
    "pipeline.kubeflow.local_run",
    "pipeline.stages.pusher",
    "pipeline.stages.reporter",
    "pipeline.stages.evaluator",
    "pipeline.stages.meta_trainer",
    "pipeline.stages.phi_exporter",
    "pipeline.stages.target_trainer",
    "kfp.dsl.executor_main",
    "tests.crash.pipeline_run",
)
_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "OPENBLAS_NUM_THREADS": "1",  # a fork copies no threads
    "PYTHONPATH": str(_ROOT),
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


class Attempts:
    """Starts a run in one folder again and again.

    Args:
        run: Function of a module, called as `run(root, *arguments)`.
        arguments: Its further arguments, which can be pickled.
        notes: Path of a folder for what the attempts print and do.
        in_groups: Bool: kill all processes of the run at once.
        problem: Number of an error of the disk, or None. An attempt then
            meets it where it would be killed, and must say so clearly.
    """

    def __init__(self, run, arguments, notes, in_groups=False, problem=None):
        self._call = run, arguments
        self._notes = notes
        self._in_groups = in_groups
        self._problem = problem
        self.count = 0
        server = context().Process(target=os.getpid)  # starts it, for timing
        server.start()
        server.join()

    def start(self, root, deadly=()):
        """Starts an attempt, which dies at the first of some operations."""
        self.count += 1
        process = context().Process(
            target=_attempt,
            args=(
                *self._call,
                str(root),
                str(self.output),
                (str(self.log), deadly, self._in_groups, self._problem),
            ),
        )
        process.start()
        return process

    @property
    def log(self):
        """File with the operations of the newest attempt, one per line."""
        return self._notes / f"{self.count}.operations"

    @property
    def output(self):
        """File with what the newest attempt printed."""
        return self._notes / f"{self.count}.output"

    def operations(self):
        """Returns the names of the newest attempt's operations, in order."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def finish(self, process):
        """Waits for the end; returns whether the attempt was stopped."""
        process.join(_PATIENCE_S)
        if process.exitcode is None:
            process.kill()
        if self._problem is not None and process.exitcode == 1:
            check_message(self.output.read_text())
            return True
        assert process.exitcode in (0, -9), self.output.read_text()
        return process.exitcode == -9

    def run(self, root, deadly=()):
        """Starts an attempt and waits; returns whether it was killed."""
        return self.finish(self.start(root, deadly))

    def run_for(self, root, seconds):
        """The same, killed after so many seconds if it still runs."""
        process = self.start(root)
        process.join(seconds)
        if process.exitcode is None:
            kill(process, self._in_groups)
        return self.finish(process)

    def run_until_wrote(self, root, seconds):
        """The same, killed so long after it began to write a checkpoint."""
        process = self.start(root)
        while process.exitcode is None:
            if "write checkpoint" in "".join(self.operations()):
                time.sleep(seconds)
                kill(process, self._in_groups)
                break
            time.sleep(0.002)
        return self.finish(process)


def kill(process, in_groups):
    with contextlib.suppress(ProcessLookupError):
        if in_groups:
            os.killpg(process.pid, 9)
        else:
            process.kill()


def context():
    """Returns the `multiprocessing` context of the server process."""
    chosen = multiprocessing.get_context("forkserver")
    chosen.set_forkserver_preload(list(_MODULES))
    os.environ.update(_ENVIRONMENT)
    return chosen


def check_message(output):
    """Checks that the last line names a path and says what to do."""
    message = r"\w+Error: .*/\S+ must be writable.* run the same command again"
    assert re.match(message, output.splitlines()[-1]), output


def _attempt(run, arguments, root, output, watched):
    """The life of one attempt."""
    os.setpgid(0, 0)  # dies with its stages, and nobody else does
    redirect(output)
    os.makedirs(root, exist_ok=True)
    file_operations.Watch(root, *watched).install()
    exit_with(run, (root, *arguments))


def redirect(output):
    """Sends all that this process prints to a file."""
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout = open(1, "w", buffering=1, closefd=False)
    sys.stderr = open(2, "w", buffering=1, closefd=False)


def exit_with(function, arguments):
    """Ends this process at once, with code 1 after an error."""
    try:
        function(*arguments)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)  # as the server's threads are not here to be waited for
