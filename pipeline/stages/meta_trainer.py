"""MetaTrainer: learns φ on the source examples (MetaPerturb, Algorithm 1)."""

import pathlib

from mp_keras import files
from pipeline.runs import run_folder
from pipeline.stages import example_gen as example_gen_stage
from pipeline.storage import artifact_store
from pipeline.trainings import meta_training

# What of a run goes on to the next stages; checkpoints stay behind.
_KEPT = ("config.json", "history.jsonl", "phi", "tensorboard")


def train(examples, config, runs, fingerprint, directory):
    """Meta-trains φ in a folder that outlives a kill, then copies the run.

    Args:
        examples: Path-like, folder that ExampleGen wrote.
        config: Config of `configs/meta_train/`, its source not used.
        runs: Path-like or URI, folder of the runs that can be resumed.
        fingerprint: Str that stands for the data and the software.
        directory: Path-like, where the finished run goes.

    Returns: the dict that `result.json` holds.
    """
    source = config.data.source
    config.data.source = example_gen_stage.examples_source(examples)
    workdir = run_folder.resumable_path(runs, "meta_train", config, fingerprint)
    result = meta_training.meta_train(config, workdir)
    result["data"] = source  # what was asked for, not ExampleGen's copy of it
    copy_run(workdir, directory, _KEPT, result)
    return result


def copy_run(workdir, directory, names, result):
    """Copies files and folders of a finished run, with a new result.

    Args:
        workdir: Path-like or URI of the run.
        directory: Path-like, made if it is missing.
        names: Names in `workdir`; what is not there is left out (a deep
            ensemble has no history of its own).
        result: Dict, written as `result.json`.
    """
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    with artifact_store.working_copy(workdir) as run:
        for name in names:
            origin = run / name
            if origin.is_dir():
                files.copy_folder(origin, directory / name)
            elif origin.exists():
                files.copy_file(origin, directory / name)
    files.write_json(directory / "result.json", result)
