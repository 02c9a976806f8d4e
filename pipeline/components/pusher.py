"""Pusher: the classifier that did best in validation goes to serving.

TensorFlow Serving's layout: `<destination>/<version>/saved_model.pb`, versions
counted from 1. What does not load or lacks its figures is refused, and a file
says why; an export is there whole or not at all.
"""

import math
import pathlib
import shutil

import numpy as np

from mp_keras import files
from pipeline import evaluation as evaluation_stage

_FIGURES = (
    "accuracy",
    "negative_log_likelihood",
    "expected_calibration_error",
)


def push(evaluation_file, destination):
    """Pushes the run with the lowest validation loss, or says why not.

    Args:
        evaluation_file: Path-like, `evaluation.json` of the Evaluator.
        destination: Path-like, folder of the versions.

    Returns: dict with `pushed`, the version's path or None, and `refused`, a
        list of dicts (`folder`, `reason`). The latter is also written to
        `refused.json` in `destination`.
    """
    destination = pathlib.Path(destination)
    destination.mkdir(parents=True, exist_ok=True)
    runs = files.read_json(evaluation_file).get("runs", [])
    part = "validation" if all("validation" in run for run in runs) else "test"
    refused, accepted = [], []
    for run in runs:
        reason = _reason_to_refuse(run, part)
        if reason:
            refused.append({"folder": run.get("folder"), "reason": reason})
        else:
            accepted.append(run)
    files.write_json(destination / "refused.json", refused)
    if not accepted:
        return {"pushed": None, "refused": refused}
    best = min(accepted, key=lambda run: run[part]["negative_log_likelihood"])
    version = 1 + max(map(int, _versions(destination)), default=0)
    path = destination / str(version)
    with files.new_directory(path) as folder:
        origin = pathlib.Path(best["folder"]) / "saved_model"
        shutil.copytree(origin, folder, dirs_exist_ok=True)
        files.write_json(folder / "pushed_run.json", best)
    return {"pushed": str(path), "refused": refused}


def _versions(destination):
    names = [entry.name for entry in destination.iterdir() if entry.is_dir()]
    return [name for name in names if name.isdigit()]


def _reason_to_refuse(run, part):
    """Returns why a run's classifier must not be served, or None."""
    numbers = run.get(part, {})
    for figure in _FIGURES:
        value = numbers.get(figure)
        if not isinstance(value, int | float) or not math.isfinite(value):
            return f"its {part} figure {figure} must be finite, not {value!r}"
    try:
        path = pathlib.Path(run["folder"]) / "saved_model"
        classifier = evaluation_stage.load_classifier(path)
        spec = classifier.signatures["serving_default"].inputs[0]
        image = np.zeros((1, *spec.shape[1:]), "uint8")
        outputs = classifier.serve(image)["probabilities"].numpy()
    except Exception as error:  # whatever it is, it cannot be served
        return f"it does not load: {error}"
    if not np.allclose(outputs.sum(), 1, atol=1e-3):
        return f"its probabilities sum to {outputs.sum()}"
    return None
