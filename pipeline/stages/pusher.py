"""Pusher: the best classifier goes to serving, if it deserves to.

Where the Tuner chose a method, that is the method's first seed, for nothing is
left to tell seeds apart. Otherwise it is the best on validation data.

TensorFlow Serving's layout: `<destination>/<version>/saved_model.pb`, versions
counted from 1. What does not load, lacks its metrics, or is worse on
validation data than the plain network by more than the plain network's seeds
differ, is refused, and a file says why. The trap: of many classifiers the one
with the lowest loss is lucky as well; hence the spread of single seeds, not the
interval of their mean.
"""

import contextlib
import math
import pathlib
import shutil
import tempfile

import numpy as np

from mp_keras import files
from pipeline import intervals
from pipeline.storage import artifact_store
from pipeline.storage import places
from pipeline.trainings import classifier_evaluation as evaluation_stage

_PLAIN = "base"
_PUSHED_RUN = "pushed_run.json"
_BLESSED_BY = ("negative_log_likelihood", "accuracy")


def push(evaluation_file, classifiers, destination):
    """Pushes the best of the blessed runs, or says why not.

    Args:
        evaluation_file: Path-like, `evaluation.json` of the Evaluator.
        classifiers: Folders that the TargetTrainer stage wrote.
        destination: Path-like or URI, folder of the versions. A run that is
            its newest one is not pushed again.

    Returns: dict with `pushed`, the version's place or None, and `refused`, a
        list of dicts (`method`, `seed`, `reason`). The latter is also written
        to `refused.json` in `destination`.
    """
    evaluation = files.read_json(evaluation_file)
    runs, choice = evaluation.get("runs", []), evaluation.get("choice")
    part = "validation" if all("validation" in run for run in runs) else "test"
    folders = _by_run(classifiers)
    refused, accepted = [], []
    for run in runs:
        folder = folders.get((run.get("method"), run.get("seed")))
        reason = _reason_to_refuse(run, folder, part)
        if reason:
            refused.append(_refusal(run, reason))
        else:
            accepted.append((run, folder))
    plain = [run[part] for run, _ in accepted if run["method"] == _PLAIN]
    blessed = []
    for run, folder in accepted:
        if choice:
            reason = _reason_not_chosen(run, choice["method"])
        else:
            reason = _reason_not_to_bless(run[part], plain, part)
        if reason:
            refused.append(_refusal(run, reason))
        else:
            blessed.append((run, folder))
    pushed = None
    with _local(destination) as local:
        files.write_json(local / "refused.json", refused)
        if blessed:
            if not choice:
                blessed.sort(key=lambda pair: pair[0][part][_BLESSED_BY[0]])
            best, folder = blessed[0]
            version = _newest_version(destination)
            if not _holds(f"{destination}/{version}", best, folder):
                version += 1
                _copy(folder / "saved_model", local / str(version), best)
            pushed = f"{artifact_store.resolved(destination)}/{version}"
    return {"pushed": pushed, "refused": refused}


def _by_run(classifiers):
    """Returns {(method, seed): folder}."""
    folders = {}
    for folder in map(pathlib.Path, classifiers):
        result = files.read_json(folder / "result.json")
        folders[result["method"], result["seed"]] = folder
    return folders


def _refusal(run, reason):
    name = {key: run.get(key) for key in ("method", "seed")}
    return {**name, "reason": reason}


def _reason_to_refuse(run, folder, part):
    """Returns why a run's classifier must not be served, or None."""
    numbers = run.get(part, {})
    for metric in intervals.METRICS:
        value = numbers.get(metric)
        if not isinstance(value, int | float) or not math.isfinite(value):
            return f"its {part} metric {metric} must be finite, not {value!r}"
    if folder is None:
        return "there is no classifier of this method and seed"
    try:
        classifier = evaluation_stage.load_classifier(folder / "saved_model")
        spec = classifier.signatures["serving_default"].inputs[0]
        image = np.zeros((1, *spec.shape[1:]), "uint8")
        outputs = classifier.serve(image)["probabilities"].numpy()
    except Exception as error:  # whatever it is, it cannot be served
        return f"it does not load: {error}"
    if not np.allclose(outputs.sum(), 1, atol=1e-3):
        return f"its probabilities sum to {outputs.sum()}"
    return None


def _reason_not_chosen(run, chosen):
    """Returns that the Tuner chose another method than the run's, or None."""
    if run["method"] == chosen:
        return None
    return f"the method chosen on the source is {chosen}"


def _reason_not_to_bless(numbers, plain, part):
    """Returns in what a run is worse than the plain network, or None.

    A metric may be worse than the plain network's mean by as much as one more
    seed of the plain network might be: the 95 % prediction interval. One seed
    has no spread, and leaves no room.
    """
    if not plain:
        return (
            "there is no plain network (method base) to compare it with on "
            f"{part} data"
        )
    for metric in _BLESSED_BY:
        heading, unit, decimals, higher = intervals.METRICS[metric]
        usual = intervals.interval([run[metric] for run in plain])
        # From the interval of the mean to that of one more value.
        room = (usual["half_width"] or 0.0) * math.sqrt(usual["seeds"] + 1)
        loss = (usual["mean"] - numbers[metric]) * (1 if higher else -1)
        if loss > room:
            return (
                f"its {part} {heading} is {numbers[metric]:.{decimals}f} "
                f"{unit}, worse than the plain network's "
                f"{usual['mean']:.{decimals}f} by more than its "
                f"{usual['seeds']} seeds differ ({room:.{decimals}f})"
            )
    return None


def _newest_version(destination):
    """Returns the highest version, or 0 if there is none."""
    if artifact_store.is_uri(destination):
        names = artifact_store.names_in(destination)
    else:
        folder = pathlib.Path(destination)
        names = [entry.name for entry in folder.iterdir() if entry.is_dir()]
    return max(map(int, filter(str.isdigit, names)), default=0)


def _holds(place, run, folder):
    """Returns whether a version is whole and of this run.

    So it is when a process pushed it and was killed before it could say so.
    """
    pushed_run = f"{place}/{_PUSHED_RUN}"
    if not places.exists(pushed_run) or places.read_json(pushed_run) != run:
        return False
    origin = folder / "saved_model"
    return all(
        places.exists(f"{place}/{name}")
        and places.read_bytes(f"{place}/{name}") == (origin / name).read_bytes()
        for name in files.file_stamps(origin)
    )


@contextlib.contextmanager
def _local(destination):
    """Yields the destination, or a folder that is uploaded in the end."""
    if not artifact_store.is_uri(destination):
        folder = pathlib.Path(destination)
        folder.mkdir(parents=True, exist_ok=True)
        files.remove_partial(folder)
        yield folder
        return
    with tempfile.TemporaryDirectory() as folder:
        yield pathlib.Path(folder)
        artifact_store.upload(folder, destination)


def _copy(origin, path, run):
    with files.new_directory(path) as folder:
        shutil.copytree(origin, folder, dirs_exist_ok=True)
        files.write_json(folder / _PUSHED_RUN, run)
