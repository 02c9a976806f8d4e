"""Predicts the classes of image files, a table with a line per file.

    list the files -> decode and resize as training did -> `serve`, in batches
    -> file, class, probability, the runner-up, and what could not be read

Every format that training reads is read here, WebP, GIF and TIFF too.
Photographs of other formats have a line that says so; what else lies in a
folder is counted.
"""

import csv
import glob
import pathlib

import numpy as np
import tensorflow as tf
from absl import logging

from mp_keras import files
from mp_keras.export import class_name_file
from pipeline import csv_text
from pipeline.datasets.sources import folder_source
from pipeline.listing import folder_tree
from pipeline.listing import layouts
from pipeline.storage import artifact_store
from pipeline.trainings import classifier_evaluation

_BATCH = 64
_DIGITS = 6  # of a probability
_HEADER = (
    "file",
    "class",
    "probability",
    "runner_up",
    "runner_up_probability",
    "error",
)


def predict_files(
    model, images, output, per_class=False, progress=lambda batches, _: batches
):
    """Writes the predictions of image files into a CSV file.

    Args:
        model: Path-like of a SavedModel that `save_classifier` wrote, or of a
            run's folder with one.
        images: Sequence of str: folders, files, or patterns such as `*.jpg`.
        output: Path-like of the CSV file, replaced when all is predicted.
        per_class: Bool, default False: a column per class as well.
        progress: Function of an iterator and of the number of batches that
            returns an iterator, default without effect.

    Returns: how many files there were, and how many could not be read.
    Raises: FileNotFoundError, ValueError, if the model or an image is not
        there, the model is no classifier of ours, or the output is a folder or
        one of the images.
    """
    model = find_model(model)
    names = list_files(images)
    output = _checked_output(output, names)
    classifier = classifier_evaluation.load_classifier(model)
    _, *shape = classifier.signatures["serve"].inputs[0].shape
    size, channels = shape[0], shape[2]
    classes = class_name_file.read_names(model)
    unread = 0
    with files.new_file(output) as partial:
        with open(
            partial,
            "w",
            newline="",
            encoding="utf-8",
            errors="backslashreplace",  # a file name that is no text
        ) as file:
            writer = csv.writer(file)
            batches = _batches(names, size, channels)
            count = -(-len(names) // _BATCH)
            for number, batch in enumerate(progress(batches, count)):
                pixels = np.stack([pixels for _, pixels, _ in batch])
                answer = classifier.serve(tf.constant(pixels))
                rows = answer["probabilities"].numpy()
                if classes is None:  # an older classifier
                    classes = [str(label) for label in range(rows.shape[1])]
                if number == 0:
                    writer.writerow(csv_text.row(_header(classes, per_class)))
                for (name, _, error), row in zip(batch, rows):
                    unread += error is not None
                    line = _line(name, error, row, classes, per_class)
                    writer.writerow(csv_text.row(line))
    return len(names), unread


def _checked_output(output, names):
    """Returns the place of the table, in a folder that is there now.

    Raises: ValueError, if it is a folder, or one of the images.
    """
    output = pathlib.Path(output).expanduser()
    if output.is_dir():
        raise ValueError(
            "The output must be a file, a CSV table. "
            f"Received: {output}, a folder"
        )
    taken = output.exists() and any(
        not artifact_store.is_uri(str(name)) and output.samefile(name)
        for name in names
    )
    if taken:
        raise ValueError(
            "The output must be a file of its own, a CSV table. "
            f"Received: {output}, one of the images"
        )
    with files.writing(output):
        output.parent.mkdir(parents=True, exist_ok=True)
    return output


def find_model(place):
    """Returns the folder of the SavedModel in a run's folder, or itself."""
    place = pathlib.Path(place).expanduser()
    for folder in (place / "saved_model", place):
        if (folder / files.SAVED_MODEL).is_file():
            return folder
    raise FileNotFoundError(
        "The model must be the folder of a finished run, or a classifier's "
        f"SavedModel. Received: {place}, which holds neither"
    )


def list_files(images):
    """Returns the places of image files, each once, in the order given.

    Args:
        images: Sequence of str: folders, read with all that is below, files,
            or patterns of either, in which `**` stands for any folders.

    Raises: FileNotFoundError, ValueError, if one of them names nothing.
    """
    found = {}
    for each in images:
        for place in _named(each):
            is_folder = artifact_store.is_uri(place) or place.is_dir()
            found |= dict.fromkeys(_below(place) if is_folder else [place])
    if not found:
        raise ValueError(
            "There must be an image file "
            f"({', '.join(folder_tree.SUFFIXES)}). "
            f"Received: none in {', '.join(images)}"
        )
    return list(found)


def _named(name):
    """Returns the URI or paths that a name or pattern names, folders too."""
    if artifact_store.is_uri(name):
        return [name]
    place = pathlib.Path(name).expanduser()
    if place.exists():
        return [place]
    matches = map(pathlib.Path, sorted(glob.glob(str(place), recursive=True)))
    named = [
        match
        for match in matches
        if match.is_file()
        or match.is_dir()
        and not folder_tree.is_left_out(match.name)
    ]
    if not named:
        raise FileNotFoundError(
            "Images must be folders, files or patterns such as *.jpg. "
            f"Received: {name}, which names none"
        )
    return named


def _below(folder):
    """Returns the images in a folder and below; the log counts the others."""
    images, others = folder_tree.FolderTree(folder).images_and_others(
        suffixes=folder_tree.SUFFIXES + folder_tree.UNREAD_SUFFIXES
    )
    if others:
        logging.warning(
            "%s: left out %d that are no images: %s",
            folder,
            others.total(),
            layouts.counted(others),
        )
    return images


def _batches(names, size, channels):
    """Yields lists of (file, pixels, None), or of (file, gray, error)."""
    for start in range(0, len(names), _BATCH):
        batch = []
        for name in names[start : start + _BATCH]:
            pixels = np.full((size, size, channels), 127, np.uint8)
            error = None
            try:
                pixels = folder_source.read_image(name, size, channels)
            except ValueError as problem:
                error = str(problem)
            batch.append((name, pixels, error))
        yield batch


def _header(classes, per_class):
    named = [f"p({name})" for name in classes]
    return [*_HEADER, *(named if per_class else ())]


def _line(name, error, row, classes, per_class):
    name = str(name)
    if error is not None:
        return [name, "", "", "", "", error, *[""] * (per_class * len(row))]
    first, second = np.argsort(-row, kind="stable")[:2]
    cells = [name]
    for label in (first, second):
        cells += [classes[label], _number(row[label])]
    return [*cells, "", *(map(_number, row) if per_class else ())]


def _number(probability):
    return f"{probability:.{_DIGITS}f}"
