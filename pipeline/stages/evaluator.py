"""Evaluator: what φ brought, on data that no choice has seen.

MetaPerturb, tables 1, 2 and 4: accuracy, negative log-likelihood and
calibration of every trained classifier, as a client sees it (its SavedModel).
The test part is for the report alone; choices are made on the validation part.

    LABEL.html                     the report, its links lead to what follows
    LABEL/evaluation.json          every metric
    LABEL/figures/NAME.svg         the report's pictures
    LABEL/runs/METHOD-seedN/       result, config and history of each run
"""

import functools
import pathlib

from mp_keras import files
from mp_keras.evaluation.metrics import classification_metrics
from pipeline import intervals
from pipeline.report import results_page
from pipeline.stages import example_gen as example_gen_stage
from pipeline.storage import copying
from pipeline.trainings import classifier_evaluation
from pipeline.trainings import target_data

# What of a run goes beside the report.
_SHOWN = ("result.json", "config.json", "history.jsonl")


def evaluate(
    classifiers, examples, meta_run, config, label, directory, choice=None
):
    """Evaluates all classifiers of a target and writes its report.

    Args:
        classifiers: Folders that the TargetTrainer stage wrote.
        examples: Path-like, folder that ExampleGen wrote.
        meta_run: Path-like, folder that the MetaTrainer stage wrote.
        config: Config of `configs/target/`, for the data's parts and samples.
        label: Str, the target's name, fit for a file name.
        directory: Path-like, made if it is missing.
        choice: Dict that the Tuner returned, or None (default).

    Returns: the dict that `evaluation.json` holds: `runs`, one dict each;
        `summary`, mean and 95 % interval of each method; `gains`, of each
        method's difference to the plain network, seed by seed; `choice`.
    """
    source = example_gen_stage.examples_source(examples)

    @functools.cache  # several runs are of the same data
    def parts_of(data_seed):
        config.data.seed = data_seed
        data, validation = target_data.load_data(config, source=source)
        parts = {"test": (data.test_images, data.test_labels)}
        if validation:
            parts["validation"] = validation
        return parts, len(data.train_labels)

    folders = [pathlib.Path(folder) for folder in classifiers]
    runs, probabilities, labels = [], [], []
    for folder in folders:
        stored = files.read_json(folder / "config.json")
        parts, training = parts_of(stored["data"]["seed"])
        run, predicted = _evaluate_run(folder, parts, config.samples)
        run["folder"] = f"{label}/runs/{run['method']}-seed{run['seed']}"
        runs.append(run)
        probabilities.append(predicted["test"])
        labels.append(parts["test"][1])
    result = {
        "label": label,
        "data": config.data.source,
        "samples": config.samples,
        "examples": {
            "training": training,
            "validation": len(parts.get("validation", ((), ()))[1]),
            "test": len(parts["test"][1]),
        },
        "runs": runs,
        "summary": intervals.summarize(runs),
        "gains": intervals.paired_gains(runs),
        "choice": choice,
    }
    meta_run = pathlib.Path(meta_run)
    drawings = results_page.draw(
        runs, folders, probabilities, labels, parts["test"][0], meta_run
    )
    page = results_page.render(result, drawings, meta_run, config)
    _write(pathlib.Path(directory), result, folders, drawings, page)
    return result


def _evaluate_run(folder, parts, samples):
    """Returns a run's dict and its probabilities by part of the data."""
    classifier = classifier_evaluation.load_classifier(folder / "saved_model")
    stored = files.read_json(folder / "result.json")
    run = {
        key: stored[key]
        for key in ("method", "network", "seed", "steps", "seconds")
    }
    run["files"] = [name for name in _SHOWN if (folder / name).exists()]
    probabilities = {}
    for part, (images, labels) in parts.items():
        probabilities[part] = classifier_evaluation.predict(
            classifier, images, samples
        )
        run[part] = classification_metrics(probabilities[part], labels)
    return run, probabilities


def _write(directory, result, folders, drawings, page):
    target = directory / result["label"]
    (target / "figures").mkdir(parents=True, exist_ok=True)
    for name, drawing in drawings.items():
        files.write_text(target / "figures" / f"{name}.svg", drawing)
    for run, folder in zip(result["runs"], folders):
        copy = directory / run["folder"]
        copy.mkdir(parents=True, exist_ok=True)
        for name in run["files"]:
            copying.copy_file(folder / name, copy / name)
    files.write_json(target / "evaluation.json", result)
    files.write_text(directory / f"{result['label']}.html", page)
