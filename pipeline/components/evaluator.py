"""Evaluator: what φ brought, on data that no choice has seen.

MetaPerturb, tables 1, 2 and 4: accuracy, negative log-likelihood and
calibration of every trained classifier, as a client sees it (its SavedModel).
The test part is for the report alone; choices are made on the validation part.
"""

import pathlib

from mp_keras import files
from mp_keras.evaluation import figures
from pipeline import evaluation
from pipeline import target_data
from pipeline.components import example_gen as example_gen_stage
from pipeline.report import html
from pipeline.report import statistics


def evaluate(classifiers, examples, meta_run, config, directory):
    """Evaluates all classifiers and writes `evaluation.json`, `report.html`.

    Args:
        classifiers: Folders that the TargetTrainer stage wrote.
        examples: Path-like, folder that ExampleGen wrote.
        meta_run: Path-like, folder that the MetaTrainer stage wrote.
        config: Config of `configs/target/`, for the data's parts and samples.
        directory: Path-like, made if it is missing.

    Returns: the dict that `evaluation.json` holds: `runs`, one dict each;
        `summary`, mean and 95 % interval of each method; `gains`, of the
        difference to the plain network, seed by seed.
    """
    source = config.data.source
    config.data.source = example_gen_stage.examples_source(examples)
    data, validation = target_data.load_data(config)
    parts = {"test": (data.test_images, data.test_labels)}
    if validation:
        parts["validation"] = validation
    runs, probabilities = [], []
    for folder in map(pathlib.Path, classifiers):
        classifier = evaluation.load_classifier(folder / "saved_model")
        run = files.read_json(folder / "result.json")
        run = {
            key: run[key]
            for key in ("method", "network", "seed", "steps", "seconds")
        }
        for part, (images, labels) in parts.items():
            predicted = evaluation.predict(classifier, images, config.samples)
            run[part] = figures.classification_figures(predicted, labels)
            if part == "test":
                probabilities.append(predicted)
        runs.append({**run, "folder": str(folder)})
    result = {
        "data": source,
        "samples": config.samples,
        "examples": {
            "training": len(data.train_labels),
            "validation": len(validation[1]) if validation else 0,
            "test": len(data.test_labels),
        },
        "runs": runs,
        "summary": statistics.summarize(runs),
        "gains": statistics.paired_gains(runs),
    }
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    files.write_json(directory / "evaluation.json", result)
    config.data.source = source
    page = html.render(
        result, probabilities, data, pathlib.Path(meta_run), config
    )
    files.write_text(directory / "report.html", page)
    return result
