"""Tuner: strength of the noise and method of a target, chosen on the source.

Who has few images has none to spare for choices. The source has: from it come
tasks of the target's size, whose further images tell what generalizes.

    fitness(method, c_max) = mean over tasks of the negative log-likelihood
                             of further images, after one temperature
    c_max(method)          = argmin of it
    method                 = argmin of the fitness at its c_max

All trials of a task have the same images, batches and initial weights. The
trap: a temperature is not carried over. That of letters made a plain network of
digits far too unsure (0.94 nats; without one, 0.2 to 0.3).
"""

import tempfile

import numpy as np

from pipeline import datasets
from pipeline.datasets import class_choice
from pipeline.runs import run_folder
from pipeline.stages import example_gen as example_gen_stage
from pipeline.trainings import config_names
from pipeline.trainings import target_training

_LOSS = "negative_log_likelihood"


def tune(source, target, phi, methods, config, settings, runs, fingerprint):
    """Chooses what a target is trained with, without one of its images.

    Args:
        source, target: Path-likes, folders that ExampleGen wrote.
        phi: Path-like, SavedModel of φ.
        methods: Sequence of str, those that the target is trained with.
        config: Config of `configs/target/`, of the target.
        settings: Dict, section `tuner` of a config of `configs/pipeline/`.
        runs: Path-like or URI, folder of the runs that can be resumed.
        fingerprint: Str that stands for the data and the software.

    Returns: dict with `method`, the best; `values`, the `c_max` of each
        method; `trials`, what was tried, in order; `classes`, `shots`
        and `judged_on`, the size of a task: classes, training images of each
        and further images in all.
    Raises: ValueError, if the source has no such task.
    """
    target = class_choice.of_classes(_load(target, config), config.data.classes)
    classes = len(target.class_names)
    shots = config.data.examples_per_class or _images_per_class(target)
    if target.validation is None:
        shots -= round(shots * config.data.validation_fraction)
    source = _load(source, config)
    trials = []
    with tempfile.TemporaryDirectory() as folder:
        for index in range(settings["tasks"]):
            task = f"{folder}/{index}.npz"
            judged = _write_task(
                task, source, classes, shots, settings["judged"], index
            )
            for method in methods:
                for c_max in _strengths(method, settings["strengths"]):
                    trial = config.copy_and_resolve_references()
                    trial.method, trial.c_max = method, c_max
                    _set_trial(trial, phi, index, shots, judged)
                    result = target_training.train_target(
                        trial,
                        run_folder.resumable_path(
                            runs, "tune", trial, fingerprint
                        ),
                        source=f"npz:{task}",
                        single_pass=False,
                    )
                    trials.append(_trial(method, c_max, index, result))
    return {
        **_choose(trials),
        "trials": trials,
        "classes": classes,
        "shots": shots,
        "judged_on": judged * classes,
    }


def _load(examples, config):
    return datasets.load_images(
        example_gen_stage.examples_source(examples),
        image_size=config.image_size,
    )


def _images_per_class(data):
    return len(data.train_labels) // len(data.class_names)


def _write_task(path, source, classes, shots, judged, index):
    """Writes a task; returns how many images of a class judge its trials.

    The training part holds both, `shots` and those; one image of each class
    stays for a test part, which nobody looks at.
    """
    images = np.concatenate([source.train_images[:], source.test_images[:]])
    labels = np.concatenate([source.train_labels, source.test_labels])
    counts = np.bincount(labels)
    enough = np.flatnonzero(counts >= shots + 2)
    if len(enough) < classes:
        raise ValueError(
            f"A source that chooses for {classes} classes of {shots} images "
            f"must have as many, of {shots + 2} images or more. "
            f"Received: {len(enough)} such classes"
        )
    random = np.random.default_rng(index)
    chosen = random.choice(enough, classes, replace=False)
    judged = min(judged, counts[chosen].min() - shots - 1)
    parts = {"train": ([], []), "test": ([], [])}
    for new, old in enumerate(chosen):
        places = random.permutation(np.flatnonzero(labels == old))
        for part, rows in (
            ("train", places[: shots + judged]),
            ("test", places[-1:]),
        ):
            parts[part][0].append(images[rows])
            parts[part][1].append(np.full(len(rows), new))
    arrays = {
        f"{part}_{name}": np.concatenate(pieces)
        for part, both in parts.items()
        for name, pieces in zip(("images", "labels"), both)
    }
    names = np.array([source.class_names[old] for old in chosen])
    np.savez(path, **arrays, class_names=names)
    return int(judged)


def _strengths(method, strengths):
    noisy = set(config_names.parts(method)) & set(config_names.NOISY)
    return strengths if noisy else (1.0,)


def _set_trial(trial, phi, index, shots, judged):
    """Makes a target's config one of a trial: only the likelihood counts."""
    trial.phi = str(phi)
    trial.seed = index
    trial.temperature = 0.0
    trial.export = False
    trial.deterministic.mixtures = 0
    trial.data.pooled = False
    trial.data.classes = ()
    trial.data.examples_per_class = 0
    trial.data.validation_fraction = judged / (shots + judged)


def _trial(method, c_max, task, result):
    judged = result["validation"]
    return {
        "method": method,
        "c_max": c_max,
        "task": task,
        "accuracy": judged["accuracy"],
        _LOSS: judged[_LOSS],
        "temperature": result["temperature"],
    }


def _choose(trials):
    """Returns `method` and `values` of the lowest losses."""
    found = {}  # (method, c_max) -> losses, task by task
    for trial in trials:
        key = trial["method"], trial["c_max"]
        found.setdefault(key, []).append(trial[_LOSS])
    values, losses = {}, {}
    for (method, c_max), tried in found.items():
        loss = np.mean(tried)
        if loss < losses.get(method, np.inf):
            losses[method] = loss
            values[method] = {"c_max": c_max}
    return {"method": min(losses, key=losses.get), "values": values}
