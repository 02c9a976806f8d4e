"""Runs the missing cells of an experiment, then writes its outputs.

    for each chosen cell: prerequisites, training, measure  # all resumable
    table or figure from every cell that is there, chosen or not

A cell that fails is noted in `NAME_failures.json` and leaves the others alone;
the same command tries it again. Two of these at once share the cells: each
takes those that are free.
"""

import dataclasses
import gc
import itertools
import pathlib
import time
import traceback

import keras
from absl import logging

from mp_keras import error_texts
from mp_keras import files
from pipeline.datasets import last_read
from pipeline.experiments import cells as cells_module
from pipeline.experiments import contrasts
from pipeline.experiments import measures
from pipeline.experiments import outputs
from pipeline.experiments import prerequisites
from pipeline.experiments import run_kinds
from pipeline.experiments import tables
from pipeline.runs import run_records
from pipeline.storage import locks


@dataclasses.dataclass(frozen=True)
class Finished:
    """A cell that was trained and measured.

    Attributes:
        cell: `Cell`.
        folder: Path of its run.
        result: Dict, the run's `result.json`.
        measured: What `measures.existing` returned.
    """

    cell: cells_module.Cell
    folder: pathlib.Path
    result: dict
    measured: dict = dataclasses.field(default_factory=dict)


def reproduce(config, workdir, data_dir=None):
    """Runs an experiment: what is missing of it, then its outputs.

    Args:
        config: Config of `configs/experiments/`.
        workdir: Path-like; may be shared by several experiments.
        data_dir: Where TFDS keeps prepared data sets, or None.

    Returns: dict with `outputs`, the files written; `finished`, number of
        cells; `failures`, {cell's title: error}.
    Raises: ValueError, if the config is wrong.
    """
    # Resolved: runs note where their φ lies, and compare it when they resume.
    workdir = pathlib.Path(workdir).resolve()
    measures.check_measures(config)
    tables.check_metric(config)
    contrasts.check(config)
    cells = cells_module.expand(config)
    todo = cells_module.chosen(cells, config)
    workdir.mkdir(parents=True, exist_ok=True)
    # Many cells share a data set, which the experiment reads once.
    read = last_read.LastRead(run_kinds.of(config).read)
    needed = prerequisites.Prerequisites(config, workdir, data_dir, read)
    failures = _run_all(todo, config, workdir, needed, data_dir, read)
    finished = _all_finished(cells, config, workdir, needed)
    passed = {each.cell.title for each in finished}
    _note_failures(
        workdir / f"{config.name}_failures.json", failures, cells, passed
    )
    written = outputs.write(config, finished, workdir) if finished else []
    return {
        "outputs": [str(path) for path in written],
        "finished": len(finished),
        "failures": {title: f["error"] for title, f in failures.items()},
    }


def _run_all(todo, config, workdir, needed, data_dir, read):
    failures, busy = {}, []
    done = 0
    # What another process has in hand comes last, and is then waited for.
    for cell in itertools.chain(todo, busy):
        began = time.monotonic()
        try:
            lock = workdir / "locks" / cell.folder(workdir, None).name
            with locks.held(lock, wait=cell in busy) as is_ours:
                if not is_ours:
                    busy.append(cell)
                    continue
                result = _run(cell, config, workdir, needed, data_dir, read)
            said = f"accuracy {result['accuracy']:.1f} %"
        except Exception as error:  # whatever it is, the others go on
            logging.debug("%s failed", cell.title, exc_info=True)
            failures[cell.title] = {
                "error": f"{type(error).__name__}: {error}",
                "traceback": traceback.format_exc(),
            }
            said = f"FAILED, {type(error).__name__}: {error}"
        done += 1
        seconds = time.monotonic() - began
        print(
            f"[{done}/{len(todo)}] {cell.title}: "
            f"{error_texts.shown(said)} "
            f"({seconds:.0f} s)",
            flush=True,
        )
        keras.backend.clear_session()
        gc.collect()
    return failures


def _run(cell, config, workdir, needed, data_dir, read):
    run_config = needed.prepare(cell)
    folder = cell.folder(workdir, needed.identity(cell))
    result = run_kinds.of(config).train(run_config, folder, data_dir, read)
    measures.measure(config, cell.column, run_config, folder, data_dir, read)
    return result


def _all_finished(cells, config, workdir, needed):
    """Returns the `Finished` cells that are there, of this call or others."""
    finished = []
    for cell in cells:
        try:
            folder = cell.folder(workdir, needed.identity(cell))
        except (FileNotFoundError, ValueError):  # its φ is not there
            continue
        measured = measures.existing(config, cell.column, folder)
        if (folder / "result.json").exists() and measured is not None:
            result = files.read_json(folder / "result.json")
            finished.append(Finished(cell, folder, result, measured))
    return finished


def _note_failures(path, failures, cells, passed):
    """Writes the failures of this call, and those of others that still are."""
    if path.exists():
        titles = {cell.title for cell in cells} - passed
        noted = run_records.read_object(path)
        failures = {t: f for t, f in noted.items() if t in titles} | failures
    if failures:
        files.write_json(path, failures)
    else:
        path.unlink(missing_ok=True)
