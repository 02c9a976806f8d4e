"""TargetTrainer: one classifier a seed, with φ or without (Algorithm 2)."""

import pathlib

from pipeline.runs import run_folder
from pipeline.stages import example_gen as example_gen_stage
from pipeline.stages import meta_trainer as meta_trainer_stage
from pipeline.trainings import pretrained_weights
from pipeline.trainings import target_training

# What of a run goes on to the next stages; checkpoints stay behind.
_KEPT = (
    "config.json",
    "deterministic.keras",
    "history.jsonl",
    "model.keras",
    "predictions.npz",
    "saved_model",
    "tensorboard",
)


def train_seeds(
    examples,
    phi,
    method,
    seeds,
    config,
    runs,
    fingerprint,
    directory,
    choice=None,
):
    """Trains a classifier a seed, each in a folder of its own in `directory`.

    Args:
        examples, phi, method: As for `train`.
        seeds: Sequence of int.
        config, runs, fingerprint: As for `train`.
        directory: Path-like, the folder of these folders.
        choice: Dict that the Tuner returned, or None (default).

    Returns: the results, a list.
    """
    if choice:
        config.update(choice["values"][method])
    return [
        train(
            examples,
            phi,
            method,
            seed,
            config,
            runs,
            fingerprint,
            pathlib.Path(directory, f"{method}-seed{seed}"),
        )
        for seed in seeds
    ]


def run_folders(classifiers):
    """Returns the folders of all runs in those that `train_seeds` filled."""
    return [
        folder
        for directory in classifiers
        for folder in sorted(pathlib.Path(directory).iterdir())
    ]


def train(examples, phi, method, seed, config, runs, fingerprint, directory):
    """Trains a classifier in a folder that outlives a kill, and copies it.

    Args:
        examples: Path-like, folder that ExampleGen wrote.
        phi: Path-like, SavedModel of φ.
        method: Str, as `config.method`.
        seed: Int, seed of this training, and of its draw of the images where
            `config.data.pooled` is true.
        config: Config of `configs/target/`; φ, method and seed are set here.
        runs: Path-like or URI, folder of the runs that can be resumed.
        fingerprint: Str that stands for the data and the software.
        directory: Path-like, where the finished run goes.

    Returns: the dict that `result.json` holds.
    """
    config.phi = str(phi)
    config.method = method
    config.seed = seed
    if config.data.pooled:
        config.data.seed = seed
    weights = pretrained_weights.digest_of(config)
    if weights is not None:
        fingerprint = f"{fingerprint} {weights}"
    workdir = run_folder.resumable_path(
        runs, "train_target", config, fingerprint
    )
    source = example_gen_stage.examples_source(examples)
    result = target_training.train_target(config, workdir, source=source)
    meta_trainer_stage.copy_run(workdir, directory, _KEPT, result)
    return result
