"""Evaluates an exported classifier as a client sees it: uint8 in, numbers out.

MetaPerturb, section 4 and appendix A: accuracy, negative log-likelihood and
expected calibration error of Monte Carlo averaged probabilities.
"""

import itertools
import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from absl import logging

import mp_keras
from mp_keras import error_texts
from mp_keras import files
from mp_keras.evaluation import temperature as temperatures
from mp_keras.export import class_name_file
from mp_keras.export import saved_graph
from pipeline import datasets
from pipeline.datasets.sources import folder_source
from pipeline.datasets.sources import loading
from pipeline.listing import source_names
from pipeline.report import judged_images
from pipeline.report import run_page
from pipeline.runs import run_configs
from pipeline.runs import run_folder
from pipeline.storage import artifact_store
from pipeline.trainings import methods
from pipeline.trainings import target_data
from pipeline.trainings import target_outcome

_BATCH = 256


def evaluate_run(
    workdir, config=None, data_dir=None, source=None, command=None
):
    """Evaluates the `saved_model/` of a run on labelled images.

    Writes `evaluation.json` and a page to look at, `evaluation.html`.

    Without `config` and `source` they are the run's own test part. Of other
    folders, zip files and tables, all images are taken, or those of the test
    part if there is one; their classes may be some of the run's. Images that
    the run was trained on are left out and counted. Other sources have a test
    part.

    Their data must have the run's classes, in the same order: labels are
    numbers, and other classes would be taken for those at their places. Classes
    are compared by name. Names "0", "1", "2", ... are those of sources that
    have none, and agree with any names of the same number, but not with
    themselves in another order. An older classifier holds no names, and takes
    any data whose labels it has.

    Args:
        workdir: Path-like or URI, folder of a finished `train_target`.
        config: Config of `configs/target/` that names data and samples, or
            None for the run's own.
        data_dir: Where TFDS keeps prepared data sets, or None for its default.
        source: Str, as `data.source` of a config, which it replaces; or None.
        command: Str, the command line of the call, for the page; or None.

    Returns: the dict that `evaluation.json` holds.
    Raises: FileNotFoundError, ValueError, if there is no whole classifier, or
        the data does not suit it; of other classes, the first is named.
    """
    with artifact_store.working_copy(workdir) as folder:
        return _evaluate(folder, config, data_dir, source, command)


def _evaluate(workdir, config, data_dir, source, command):
    is_own = config is None and source is None
    if config is None:
        config = run_configs.read(
            workdir, run_kind="target training", key="method"
        )
    config = config.copy_and_resolve_references()
    config.data.source = source or config.data.source
    classifier = load_classifier(workdir / "saved_model")
    size = classifier.signatures["serve"].inputs[0].shape[1]
    config.image_size = config.image_size or size
    if config.image_size != size:
        raise ValueError(
            f"Config key `image_size` must be {size}, the height and width "
            f"that the classifier in {workdir} takes. "
            f"Received: image_size={config.image_size}"
        )
    images, labels, file_names, class_names = _read(
        workdir, config, data_dir, is_own
    )
    probabilities = predict(classifier, images, config.samples)
    result = {
        **judged_images.metrics_of(probabilities, labels),
        "data": config.data.source,
        "samples": config.samples,
        "examples": len(labels),
    }
    judged = judged_images.JudgedImages(
        images,
        labels,
        file_names,
        class_names,
        probabilities,
        _before_temperature(workdir, images, config.samples),
    )
    page = run_page.render(
        f"A classifier on {config.data.source}",
        judged,
        f"{len(labels):,} test images, {size}×{size} px",
        f"The classifier in {workdir}.",
        command,
    )
    files.write_text(workdir / "evaluation.html", page)
    files.write_json(workdir / "evaluation.json", result)
    return result


def _read(workdir, config, data_dir, is_own):
    """Returns images, labels, names of their files, and class names."""
    source = config.data.source
    noted = run_folder.read_data_record(workdir)
    names = class_name_file.read_names(workdir / "saved_model")
    kind, place = source_names.parse(source)
    if is_own or kind not in source_names.LISTED or names is None:
        if is_own or config.data.pooled:
            data, _ = target_data.load_data(
                config,
                data_dir,
                noted=noted if is_own else None,
                for_training=False,
            )
        else:
            data = datasets.load_images(
                source, **target_data.reading(config, data_dir)
            )
        _check_classes(workdir, data.class_names, source)
        return (
            data.test_images,
            data.test_labels,
            data.test_names,
            data.class_names if names is None else names,
        )
    with tempfile.TemporaryDirectory() as folder:
        images, labels, files_read, digests = folder_source.load_whole(
            kind,
            loading.fetched(place, folder),
            config.image_size,
            names,
        )
    kept = np.ones(len(labels), bool)
    if noted and not config.data.keep_repeated:
        parts = (noted.get(part, {}) for part in ("train", "validation"))
        trained = {digest for part in parts for digest in part.values()}
        kept = np.array([digest not in trained for digest in digests])
    if not kept.all():
        logging.warning(
            "%s: %d images are left out, for the run was trained on them",
            source,
            (~kept).sum(),
        )
    if not kept.any():
        raise ValueError(
            f"{source} must hold images that the run in {workdir} was not "
            "trained on. Received: none"
        )
    files_read = tuple(np.array(files_read)[kept].tolist())
    return images[kept], labels[kept], files_read, names


def _before_temperature(workdir, images, samples):
    """Returns the probabilities without the run's temperature, or None."""
    if not (workdir / "model.keras").is_file():
        return None
    network = methods.load_network(workdir)
    plain = temperatures.without_temperature(network)
    if plain is network:
        return None
    return mp_keras.monte_carlo_predict(
        plain,
        target_outcome.normalized(images),
        samples,
        batch_size=_BATCH,
    )


def _check_classes(workdir, names, source):
    """Refuses data of other classes than the run's, as `evaluate_run` says."""
    expected = class_name_file.read_names(workdir / "saved_model")
    if expected is None or tuple(names) == expected:
        return
    is_numbered = _are_numbers(names) or _are_numbers(expected)
    is_reordered = sorted(names) == sorted(expected)
    if len(names) == len(expected) and is_numbered and not is_reordered:
        return
    pairs = enumerate(itertools.zip_longest(expected, names))
    label = next(label for label, (ours, theirs) in pairs if ours != theirs)
    raise ValueError(
        "Config key `data.source` must name data with the classes of the run "
        f"in {workdir}, in the same order: {_described(expected, label)}. "
        f"Received: data.source={source!r} with {_described(names, label)}"
    )


def _are_numbers(names):
    """Returns whether names say no more than the labels."""
    return list(names) == [str(label) for label in range(len(names))]


def _described(names, label):
    name = repr(names[label]) if label < len(names) else "none"
    return f"{len(names)} classes, number {label} is {name}"


def load_classifier(path):
    """Loads a classifier's SavedModel, checked to be one of ours.

    Args:
        path: Path-like of a folder that `save_classifier` wrote.

    Raises: FileNotFoundError, if there is no folder; ValueError, if it is not
        a whole classifier.
    """
    path = pathlib.Path(path)
    if not path.is_dir():
        raise FileNotFoundError(
            f"Folder {path} must be the SavedModel of a classifier. "
            "Received: no such folder"
        )
    files.check_no_pattern(path)
    try:
        saved_graph.check_graph(path)
        classifier = tf.saved_model.load(str(path))
        classifier.predict, classifier.serve  # noqa: B018
    # A truncated file raises nearly anything.
    except Exception as error:
        raise ValueError(
            f"Folder {path} must be a whole SavedModel with the endpoints "
            f"`serve` and `predict`. Received: "
            f"{error_texts.named(error)}"
        ) from error
    return classifier


def predict(classifier, images, samples, seed=0):
    """Returns Monte Carlo averaged probabilities of a loaded classifier.

    Args:
        classifier: As `load_classifier` returns it.
        images: uint8 array `(examples, height, width, 3)`.
        samples: Int >= 1.
        seed: Int, default 0. Each batch of 256 adds its first index to it.

    Returns: float32 array `(examples, classes)`.
    """
    batches = []
    for start in range(0, len(images), _BATCH):
        outputs = classifier.predict(
            tf.constant(images[start : start + _BATCH]),
            tf.constant(samples),
            tf.constant(seed + start),
        )
        batches.append(outputs["probabilities"].numpy())
    return np.concatenate(batches)
