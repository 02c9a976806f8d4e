"""The whole pipeline, small, with stages that start in milliseconds.

Its engine makes a new process for each stage. Here a process that was forked
before any thread began does that instead, with fork; else the run is the
engine's own, its cache included.
"""

import multiprocessing
import os
import pathlib
import sys
import tempfile

from kfp.dsl import executor_main
from kfp.local import subprocess_task_handler

from configs.pipeline import demo
from pipeline.kubeflow import local_run
from tests.crash import attempts
from tests.crash import runs


def run_pipeline(root, source):
    """Runs all stages, or those that are not finished, one at a time.

    Args:
        root: Str, the workdir.
        source: Str, source of φ and of the one target.
    """
    runs.prepare()
    stages = _Stages()
    subprocess_task_handler.run_local_subprocess = stages.run
    config = demo.get_config("smoke")
    for part in (config.source, config.target):
        part.data.source = source
        part.network_options.channels = 2
    local_run.run_pipeline(config, root)


class _Stages:
    """A helper process that forks one process for each stage."""

    def __init__(self):
        # Trainings come in two threads.
        self._lock = multiprocessing.Lock()
        self._connection, connection = multiprocessing.Pipe()
        if os.fork() == 0:
            self._connection.close()
            attempts.exit_with(self._serve, (connection,))
        connection.close()

    def run(self, full_command, env_vars=None):
        """Replaces the engine's function; returns the exit code."""
        with self._lock:
            self._connection.send(full_command)
            code, printed = self._connection.recv()
        print(printed)
        return code

    def _serve(self, connection):
        while True:
            try:
                command = connection.recv()
            except EOFError:
                return
            with tempfile.NamedTemporaryFile("r", suffix=".log") as log:
                pid = os.fork()
                if pid == 0:
                    attempts.redirect(log.name)
                    attempts.exit_with(_run_stage, (command,))
                status = os.waitpid(pid, 0)[1]
                code = os.waitstatus_to_exitcode(status)
                connection.send((code, log.read()))


def _run_stage(command):
    """What the engine's shell command does."""
    start = next(i for i, part in enumerate(command) if "printf" in part)
    source, *arguments = command[start + 1 :]
    runs.prepare()
    with tempfile.TemporaryDirectory() as folder:
        module = pathlib.Path(folder, "ephemeral_component.py")
        module.write_text(source)
        sys.argv = ["executor_main", "--component_module_path", str(module)]
        sys.argv += arguments
        executor_main.executor_main()
