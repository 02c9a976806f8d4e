"""φ as a SavedModel: saved once, used in Keras, Keras 2 or plain TensorFlow.

Endpoints, all with features `(batch, height, width, channels)`, any sizes:

    serve(features)            test form, repeatable noise, batch statistics
    serve_training(features)   training form, new noise at every call
    train(features, channel_norm, spatial_norm, noise_coefficient, seed)
        -> outputs, mean, variance     # of the batch, for moving averages
    test(features, mean, variance, channel_norm, spatial_norm,
         noise_coefficient, seed) -> outputs

The first two use the norms given at export and noise coefficient 1. Beside the
SavedModel lies `phi.npz`, the numbers once more for who is without TensorFlow.
The trap: two copies may part ways. The SavedModel's variables are what runs
elsewhere; on TensorFlow both copies are read and have to agree.
"""

import difflib
import pathlib
import typing

import numpy as np

from mp_keras import annotations
from mp_keras import backends
from mp_keras import error_texts
from mp_keras import files
from mp_keras.perturbation import function
from mp_keras.perturbation import phi_archive

DEFAULT_PERTURBATION = "tiny_imagenet_resnet20"
PRETRAINED = pathlib.Path(__file__).parent / "pretrained"
_CARD = "card.json"
_ARCHIVE = "phi.npz"


def save_perturbation(
    phi: function.PerturbationFunction,
    path: annotations.Path,
    channel_norm: float = 64,
    spatial_norm: float = 32,
    card: dict[str, typing.Any] | None = None,
) -> None:
    """Writes φ as a SavedModel folder, whole or not at all.

    Args:
        phi: `PerturbationFunction`.
        path: Path-like of the folder; an older SavedModel is replaced.
        channel_norm: Positive number, default 64: norm of the default form,
            the largest channel count among the positions.
        spatial_norm: Positive number, default 32: height of the network's
            input in pixels.
        card: JSON-compatible dict or None: where φ comes from. Written beside
            the SavedModel as `card.json`.

    Raises: ImportError, if Keras does not run on TensorFlow; ValueError, if
        there is something else at `path`.
    """
    backends.require_tensorflow("save_perturbation")
    from mp_keras.perturbation import exported_module

    with files.new_directory(path, mark=files.SAVED_MODEL) as folder:
        exported_module.write(phi, folder, channel_norm, spatial_norm)
        phi_archive.write(phi, folder / _ARCHIVE)
        card = {
            "channel_norm": channel_norm,
            "spatial_norm": spatial_norm,
            **(card or {}),
        }
        files.write_json(folder / _CARD, card)


def load_perturbation(
    path_or_name: annotations.Path = DEFAULT_PERTURBATION,
) -> function.PerturbationFunction:
    """Returns a `PerturbationFunction` from a SavedModel or one we ship.

    Args:
        path_or_name: Path-like of a folder that `save_perturbation` wrote, or
            the name of a φ in the package: "tiny_imagenet_resnet20"
            (default), "glyphs_conv4" or "glyphs_conv4_channels"; see
            `load_card` for their terms. Only the numbers are read; nothing in
            the folder is executed.

    Raises: ValueError, if the name is unknown or the folder is not a φ, a
        damaged one, or its SavedModel and its `phi.npz` disagree;
        FileNotFoundError, if a path does not exist; ImportError, if the folder
        is of a time before `phi.npz` and TensorFlow is not installed.
    """
    if str(path_or_name) in _shipped():
        stored = files.read_json(PRETRAINED / f"{path_or_name}.json")
        return function.PerturbationFunction(
            stored["weights"], **stored["variant"]
        )
    return _read(_existing(path_or_name))


def load_card(
    path_or_name: annotations.Path = DEFAULT_PERTURBATION,
) -> dict[str, typing.Any]:
    """Returns the card of a φ: its source, terms, steps, seed, metrics.

    Args:
        path_or_name: As for `load_perturbation`.

    Returns: a dict.
    Raises: FileNotFoundError, if there is no such path or no card in it;
        ValueError, if the card is damaged.
    """
    if str(path_or_name) in _shipped():
        return files.read_json(PRETRAINED / f"{path_or_name}.json")["card"]
    file = _existing(path_or_name) / _CARD
    card = files.read_json(file)
    if not isinstance(card, dict):
        raise ValueError(
            f"File {file} must hold a JSON object. "
            f"Received: {type(card).__name__}"
        )
    return card


def _shipped():
    return sorted(file.stem for file in PRETRAINED.glob("*.json"))


def _existing(path_or_name):
    """Returns the path, or says what could have been meant."""
    path = pathlib.Path(path_or_name).expanduser()
    if not path.exists():
        shipped = _shipped()
        near = difflib.get_close_matches(str(path_or_name), shipped, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise FileNotFoundError(
            "Argument `path_or_name` must be a SavedModel folder of φ or one "
            f"of {shipped}.{hint} Received: {str(path_or_name)!r}"
        )
    return path


def _read(path):
    """Returns the φ of a folder."""
    problem = f"Folder {path} must be a SavedModel written by "
    problem += "save_perturbation, and whole. Received: "
    if not (path / files.SAVED_MODEL).is_file():
        raise ValueError(problem + "a path without `saved_model.pb`")
    archive = path / _ARCHIVE
    if backends.is_tensorflow() or not archive.exists():
        found = _checked(_module(path).read, path, problem)
        if archive.exists():
            copy = _checked(phi_archive.read, archive, f"{problem}{_ARCHIVE}: ")
            if not _agree(found, copy):
                raise ValueError(
                    f"{problem}a `{_ARCHIVE}` with other numbers or options "
                    "than the SavedModel. Save φ again, or remove the archive"
                )
        return found
    return _checked(phi_archive.read, archive, f"{problem}{_ARCHIVE}: ")


def _module(path):
    """Returns the module that reads a SavedModel's variables."""
    try:
        from mp_keras.perturbation import exported_module
    except ModuleNotFoundError as error:
        raise ImportError(
            f"Folder {path} needs `{_ARCHIVE}` to be read without TensorFlow. "
            "Load and save it once with this version of mp_keras on "
            f"TensorFlow. Received: a folder without it, and {error}"
        ) from error
    return exported_module


def _checked(read, path, problem):
    """Returns what `read` finds as a φ, or raises one ValueError."""
    try:
        values, variant = read(path)
        return function.PerturbationFunction(values, **variant)
    # A truncated file raises nearly anything, IndexError included.
    except Exception as error:
        raise ValueError(f"{problem}{error_texts.named(error)}") from error


def _agree(one, two):
    """Returns whether two φ are the same, bit for bit."""
    values = one.values(), two.values()
    return one.variant() == two.variant() and all(
        np.array_equal(values[0][name], values[1][name]) for name in values[0]
    )
