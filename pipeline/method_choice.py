"""Which method is better here? Trains each for the same time, and compares.

    for each method:  train it on the training part, judge it on validation
    print the table, with 95 % intervals over the validation images
    the best one's run becomes the run of the folder

The test part decides nothing; each run notes what it is worth there.
"""

import pathlib
import shutil

import numpy as np

from mp_keras import argument_checks
from mp_keras import files
from pipeline import intervals
from pipeline.report import judged_images
from pipeline.runs import run_folder
from pipeline.runs import run_records
from pipeline.trainings import target_training

METHODS = (
    "base",
    "meta_perturb",
    "mixup",
    "manifold_mixup",
    "meta_perturb+manifold_mixup",
    "channel_noise+manifold_mixup",
)
OBJECTIVE = "negative_log_likelihood"
_NORMAL_QUANTILE = 1.96  # of a 95 % interval
_FINE_TUNING = "fine_tuning"
_RECORD, _TRIALS = "methods.json", "trials"


def choose(
    target,
    workdir,
    data_dir=None,
    methods=METHODS,
    source="",
    objective=OBJECTIVE,
    command=None,
):
    """Runs or resumes a comparison; the folder ends as the best one's run.

    Args:
        target: Config of `configs/target/`; its `method` is not looked at, its
            `minutes` are for all methods together.
        workdir: Path-like, a folder on this machine.
        data_dir: Where TFDS keeps prepared data sets, or None.
        methods: Sequence of str, values of `method`.
        source: Str, folder of a finished run: each method is tried from its
            weights too; "" (default) for none.
        objective: Str, one of `intervals.METRICS`.
        command: Str, the command line of the call, for the pages; or None.

    Returns: the dict that `methods.json` holds: `chosen`, its name; `compared`,
        {name: numbers}, as `compare` has them; `result`, of the chosen run.
    Raises: ValueError, if there is no validation part, or the folder holds
        another run; as `train_target`.
    """
    argument_checks.check_one_of(
        "objective", objective, intervals.METRICS, "Config key"
    )
    if not target.data.validation_fraction:
        raise ValueError(
            "Config key `data.validation_fraction` must be positive: methods "
            "are chosen on validation data. Received: 0"
        )
    workdir = pathlib.Path(workdir).expanduser()
    if (workdir / "config.json").exists() and not (workdir / _TRIALS).exists():
        raise ValueError(
            f"Folder {workdir} must be new, or that of such a comparison. "
            "Received: that of a run"
        )
    trials = _trials(target, methods, source)
    folders, results, noted = {}, {}, None
    for name, trial in trials.items():
        print(f"{name}:", flush=True)
        folders[name] = workdir / _TRIALS / name.replace("+", "_and_")
        results[name] = target_training.train_target(
            trial, folders[name], data_dir, command=command, noted=noted
        )
        # All are compared on the images of the first.
        noted = noted or run_folder.read_files_record(folders[name])
    compared = {name: _read(folder) for name, folder in folders.items()}
    higher = intervals.METRICS[objective][3]
    best = (max if higher else min)(
        results, key=lambda name: results[name]["validation"][objective]
    )
    numbers = compare(compared)
    for name, result in results.items():  # what was chosen by is shown
        for metric in ("accuracy", "negative_log_likelihood"):
            numbers[name][metric] = result["validation"][metric]
    record = {
        "chosen": best,
        "objective": objective,
        "compared": numbers,
        "result": results[best],
    }
    _become(workdir, folders[best])
    files.write_json(workdir / _RECORD, record)
    print(text_table(record), flush=True)
    return record


def _trials(target, methods, source):
    """Returns {name: config}, each with its part of the time."""
    starts = {"": "", f"{_FINE_TUNING}+": source} if source else {"": ""}
    trials = {}
    for start, folder in starts.items():
        for method in methods:
            trial = target.copy_and_resolve_references()
            trial.method = method
            trial.fine_tuning.source = folder or target.fine_tuning.source
            trial.minutes = target.minutes / len(methods) / len(starts)
            trials[f"{start}{method}"] = trial
    return trials


def _read(folder):
    """Returns labels and probabilities of a run's validation images."""
    with np.load(folder / "predictions.npz", allow_pickle=False) as stored:
        logs = stored["monte_carlo_validation"].astype("float64")
        labels = stored["validation_labels"]
    rows = np.exp(logs)
    return labels, rows / rows.sum(axis=1, keepdims=True)


def compare(predictions):
    """Returns the numbers of a comparison on the same images.

    Args:
        predictions: Dict from name to labels `(n,)` and probabilities
            `(n, classes)`; the labels are the same for all. The first is the
            one that others are compared with.

    Returns: {name: dict} with `accuracy` in percent and its 95 % interval
        (Wilson), `accuracy_interval`; `negative_log_likelihood` in nats; the
        `gain` in it over the first, positive where better, image by image, and
        the half width of its 95 % interval, `gain_half_width`.
    """
    found, first = {}, None
    for name, (labels, probabilities) in predictions.items():
        count = len(labels)
        likelihood = probabilities[np.arange(count), labels]
        losses = -np.log(np.maximum(likelihood, 1e-30))
        first = losses if first is None else first
        gains = first - losses
        right = int(np.sum(np.argmax(probabilities, axis=1) == labels))
        spread = np.std(gains, ddof=1) if count > 1 else np.nan
        found[name] = {
            "accuracy": 100 * right / count,
            "accuracy_interval": list(judged_images.interval(right, count)),
            "negative_log_likelihood": float(np.mean(losses)),
            "gain": float(np.mean(gains)),
            "gain_half_width": float(
                _NORMAL_QUANTILE * spread / np.sqrt(count)
            ),
        }
    return found


def text_table(record):
    """Returns the comparison as lines, the chosen method marked.

    Args:
        record: As `choose` returns it.
    """
    rows = [
        (
            "validation images:",
            "accuracy (%)",
            "likelihood (nats)",
            "gain in likelihood",
        )
    ]
    for name, numbers in record["compared"].items():
        low, high = numbers["accuracy_interval"]
        rows.append(
            (
                f"{name}{' (chosen)' if name == record['chosen'] else ''}",
                f"{numbers['accuracy']:.1f} ({low:.1f} to {high:.1f})",
                f"{-numbers['negative_log_likelihood']:.3f}",
                f"{numbers['gain']:+.3f} ± {numbers['gain_half_width']:.3f}",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = (map(str.ljust, row, widths) for row in rows)
    return "\n".join("  ".join(line).rstrip() for line in lines)


def _become(workdir, trial):
    """Makes a folder that of a trial's run, its result written last."""
    last = "result.json"
    shutil.copytree(
        trial,
        workdir,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns(last, "lock"),
    )
    files.write_json(workdir / last, run_records.read_object(trial / last))
