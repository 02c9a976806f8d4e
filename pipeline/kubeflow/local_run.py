"""Runs the pipeline on this machine: no server, no container.

Finished steps are reused by a later run, also after a kill; a killed training
goes on from its checkpoint.
"""

import builtins
import contextlib
import logging
import os
import pathlib
import sys
import warnings

from kfp import local

from mp_keras import files
from pipeline import stages
from pipeline.kubeflow import console
from pipeline.kubeflow import definition
from pipeline.storage import artifact_store
from pipeline.storage import copying
from pipeline.storage import locks

_ROOT = pathlib.Path(__file__).resolve().parents[2]


def run_pipeline(config, workdir, data_dir=None):
    """Runs all stages, or those whose results are not there yet.

    Args:
        config: Config of `configs/pipeline/`.
        workdir: Path-like. Gets what the Reporter leaves (`report.html`,
            `evaluation.json`, `results.csv`, a folder per target), `serving/`
            (pushed models), `steps/` (the engine's artifacts), `runs/`,
            and `pipeline.log` with all that the steps print.
        data_dir: Where TFDS keeps prepared data sets; default: in `workdir`.

    Returns: the dict that `evaluation.json` holds, one entry per target.
    Raises: FileNotFoundError, if a source names data that is not there;
        ValueError, if `workdir` is a URI, or another pipeline runs there;
        ChildProcessError, if a stage fails; names the stage and its error.
    """
    if artifact_store.is_uri(workdir):
        raise ValueError(
            "A pipeline on this machine needs a folder on this machine as its "
            f"workdir. Received: {workdir}"
        )
    workdir = pathlib.Path(workdir).resolve()
    lock = workdir / "pipeline.lock"
    with locks.held(lock) as is_ours:
        if not is_ours:
            raise ValueError(
                f"Folder {workdir} must not be in use by another pipeline. "
                f"Received: one whose {lock.name} a process holds"
            )
        # The steps end with this process, however it ends.
        os.environ[stages.LOCK_VARIABLE] = f"{os.getpid()}:{lock}"
        try:
            return _run(config, workdir, data_dir)
        finally:
            del os.environ[stages.LOCK_VARIABLE]


def _run(config, workdir, data_dir):
    pipeline = definition.make_pipeline(config, workdir, data_dir)
    # The steps are processes of their own that must find this code.
    paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    # Display names mean something on a cluster only; the engine warns.
    warnings.filterwarnings("ignore", message=".*no effect in the current")
    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=str(workdir / "steps"),
        enable_caching=True,
    )
    with open(workdir / "pipeline.log", "w", encoding="utf-8") as log:
        terminal = console.Console(log, sys.stdout)
        try:
            with _engine_output_to(terminal):
                outputs = pipeline().outputs
        except RuntimeError as error:
            stage = console.failed_stage(str(error))
            if stage is None:
                raise
            raise ChildProcessError(
                f"Stage {stage} failed: {terminal.error or 'it was killed'}. "
                f"All that it printed: {log.name}"
            ) from error
    if not terminal.stages_run:
        print("Every step was finished before and is reused.")
    files.remove_partial(workdir)
    copying.copy_files_into(outputs["results"].path, workdir)
    return files.read_json(workdir / "evaluation.json")


@contextlib.contextmanager
def _engine_output_to(stream):
    """Sends what the engine prints and logs to a stream, and nothing else.

    The engine exchanges `print` and the handlers of the root logger for each
    stage. Where two run at a time it puts the wrong ones back, and it reports
    a reused stage to whatever handler is there.
    """
    root, own_print = logging.getLogger(), builtins.print
    handlers, level = root.handlers[:], root.level
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s - %(message)s"))
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    try:
        with contextlib.redirect_stdout(stream):
            yield
    finally:
        builtins.print = own_print
        root.handlers[:] = handlers
        root.setLevel(level)
