"""What can be wrong with a run, found before TensorFlow is imported.

A mistyped value or a folder without images is said within seconds; what only
the data or the network can tell comes later.
"""

import contextlib
import difflib
import importlib.util
import pathlib

from absl import logging

from pipeline.listing import cut_sizes
from pipeline.listing import image_table
from pipeline.listing import layouts
from pipeline.listing import source_names
from pipeline.runs import config_values
from pipeline.trainings import config_names

_SAVED_MODEL = "saved_model.pb"
_AUTO = "auto"  # tools.train_target tries several
_BEGUN = ("data.json", "result.json")


def check(config, workdir=None):
    """Refuses a config or a folder of images that no training can use.

    Args:
        config: `ConfigDict` of `configs/target/`, `meta_train/`, `few_shot/`,
            or with such a one as `target`.
        workdir: Path-like or URI of the run's folder, or None: a run that has
            begun knows its images, and checks them itself.

    Raises: ValueError, FileNotFoundError, naming the key or the folder.
    """
    for values in (config.to_dict(), config.to_dict().get("target")):
        if values is None:
            continue
        config_values.check(values)
        if "method" in values and values["method"] != _AUTO:
            config_names.check_method(values["method"])
            _check_phi(values)
        if "network" in values and "pretrained" not in values:
            config_names.check_network(values["network"])
        elif "network" in values and not _has_begun(workdir):
            config_names.check_target_network(values)
        if "data" in values and not _has_begun(workdir):
            with _quiet():  # the training says it
                _check_source(values)


def check_evaluation(source):
    """Refuses a source without labelled images to test on.

    One image and one class are enough.

    Args:
        source: Str, or None for the run's own images.

    Raises: ValueError, FileNotFoundError.
    """
    if source is None:
        return
    kind, place = source_names.parse(source)
    if kind in ("folder", "zip") and "://" not in place:
        tree = layouts.open_tree(kind, place)
        with _quiet():
            layouts.list_to_test(tree, kind)
    elif kind == "csv":
        image_table.ImageTable(place).test_rows()


def _check_phi(values):
    phi = values["phi"]
    if "meta_perturb" not in config_names.parts(values["method"]):
        return
    # Found, not imported, for it imports TensorFlow.
    (package,) = importlib.util.find_spec("mp_keras").submodule_search_locations
    folder = pathlib.Path(package) / "perturbation" / "pretrained"
    shipped = sorted(file.stem for file in folder.glob("*.json"))
    if phi not in shipped and not pathlib.Path(phi).exists():
        near = difflib.get_close_matches(phi, shipped, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise FileNotFoundError(
            "Config key `phi` must be a SavedModel folder of φ or one of "
            f"{shipped}.{hint} Received: phi={phi!r}"
        )
    if phi not in shipped and not (pathlib.Path(phi) / _SAVED_MODEL).is_file():
        raise ValueError(
            f"Folder {phi} must be a SavedModel written by save_perturbation, "
            f"and whole. Received: a path without `{_SAVED_MODEL}`"
        )


def _has_begun(workdir):
    return workdir is not None and any(
        (pathlib.Path(workdir) / name).exists() for name in _BEGUN
    )


def _check_source(values):
    data = values["data"]
    if "ways" in values:
        _check_few_shot(data["source"])
        return
    listing = layouts.check_source(data["source"])
    if listing is None or "method" not in values:
        return
    if data["examples_per_class"] or data["classes"]:
        return  # fewer images than are listed
    if not values["batch_size"]:
        return
    most = cut_sizes.training_count(
        listing, data["test_fraction"], data["validation_fraction"]
    )
    config_values.check_batch_size(values["batch_size"], most, data["source"])


def _check_few_shot(source):
    """Lists a source whose parts have classes of their own."""
    kind, place = source_names.parse(source, few_shot=True)
    if kind not in source_names.LISTED or "://" in place:
        return
    if kind == "csv":
        layouts.list_source(kind, place)
        return
    tree = layouts.open_tree(kind, place)
    parts = layouts.part_folders(tree).values()
    for part in parts:
        layouts.list_classes(tree, part, kind=kind)
    if not parts:
        layouts.list_classes(tree, kind=kind)


@contextlib.contextmanager
def _quiet():
    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(before)
