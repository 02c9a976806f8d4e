"""Runs the pipeline on this machine: no server, no container.

Finished steps are reused by a later run, also after a kill; a killed training
goes on from its checkpoint.
"""

import contextlib
import os
import pathlib
import shutil
import sys
import warnings

from kfp import local

from mp_keras import files
from pipeline import console
from pipeline import definition

_ROOT = pathlib.Path(__file__).resolve().parents[1]


def run_pipeline(config, workdir, data_dir=None):
    """Runs all stages, or those whose results are not there yet.

    Args:
        config: Config of `configs/pipeline/`.
        workdir: Path-like. Gets `report.html`, `evaluation.json`, `serving/`
            (pushed models), `steps/` (the engine's artifacts), `runs/`,
            and `pipeline.log` with all that the steps print.
        data_dir: Where TFDS keeps prepared data sets; default: in `workdir`.

    Returns: the dict that `evaluation.json` holds.
    Raises: RuntimeError, if a step fails; the step's own output says why.
    """
    workdir = pathlib.Path(workdir).resolve()
    workdir.mkdir(parents=True, exist_ok=True)
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
        with contextlib.redirect_stdout(terminal):
            outputs = pipeline().outputs
    if not terminal.stages_run:
        print("Every step was finished before and is reused.")
    shutil.copy(outputs["report"].path, workdir / "report.html")
    shutil.copy(outputs["metrics"].path, workdir / "evaluation.json")
    return files.read_json(workdir / "evaluation.json")
