"""φ as a SavedModel: saved once, used in Keras, Keras 2 or plain TensorFlow.

Endpoints, all with features `(batch, height, width, channels)`, any sizes:

    serve(features)            test form, repeatable noise, batch statistics
    serve_training(features)   training form, new noise at every call
    train(features, channel_norm, spatial_norm, noise_coefficient, seed)
        -> outputs, mean, variance     # of the batch, for moving averages
    test(features, mean, variance, channel_norm, spatial_norm,
         noise_coefficient, seed) -> outputs

The first two use the norms given at export and noise coefficient 1. The trap:
a loaded random generator goes on from where it was saved, and calls move it;
only `serve_training` has one.
"""

import difflib
import json
import os
import pathlib

import tensorflow as tf

from mp_keras import files
from mp_keras.perturbation import function

DEFAULT_PERTURBATION = "tiny_imagenet_resnet20"
PRETRAINED = pathlib.Path(__file__).parent / "pretrained"
_CARD = "card.json"
_VARIABLE_KEY = "perturbation/{}/.ATTRIBUTES/VARIABLE_VALUE"
_VARIANT_KEY = "variant/.ATTRIBUTES/VARIABLE_VALUE"
_SERVE_SEED = (2020, 0)
_FEATURES = tf.TensorSpec((None, None, None, None), tf.float32, "features")
_STATISTICS = [
    tf.TensorSpec((None, function.STATISTICS), tf.float32, "mean"),
    tf.TensorSpec((None, function.STATISTICS), tf.float32, "variance"),
]
_SCALARS = [
    tf.TensorSpec((), tf.float32, "channel_norm"),
    tf.TensorSpec((), tf.float32, "spatial_norm"),
    tf.TensorSpec((), tf.float32, "noise_coefficient"),
    tf.TensorSpec((2,), tf.int32, "seed"),
]


def save_perturbation(phi, path, channel_norm=64, spatial_norm=32, card=None):
    """Writes φ as a SavedModel folder, whole or not at all.

    Args:
        phi: `PerturbationFunction`.
        path: Path-like of the folder; an old one is replaced.
        channel_norm: Positive number, default 64: norm of the default form,
            the largest channel count among the positions.
        spatial_norm: Positive number, default 32: height of the network's
            input in pixels.
        card: JSON-compatible dict or None: where φ comes from. Written beside
            the SavedModel as `card.json`.
    """
    with files.new_directory(path) as folder:
        module = _ExportedPerturbation(phi, channel_norm, spatial_norm)
        tf.saved_model.save(
            module,
            str(folder),
            signatures={
                "serving_default": module.serve,
                "train": module.train,
                "test": module.test,
            },
        )
        card = {
            "channel_norm": channel_norm,
            "spatial_norm": spatial_norm,
            **(card or {}),
        }
        files.write_json(folder / _CARD, card)


def load_perturbation(path_or_name=DEFAULT_PERTURBATION):
    """Returns a `PerturbationFunction` from a SavedModel or one we ship.

    Args:
        path_or_name: Path-like of a folder that `save_perturbation` wrote, or
            the name of a φ in the package: "tiny_imagenet_resnet20" (default)
            or "glyphs_conv4"; see `load_card` for their terms. Only the
            numbers are read; nothing in the folder is executed.

    Raises: ValueError, if the name is unknown or the folder is not a φ, or a
        damaged one; FileNotFoundError, if a path does not exist.
    """
    if str(path_or_name) in _shipped():
        stored = files.read_json(PRETRAINED / f"{path_or_name}.json")
        return function.PerturbationFunction(
            stored["weights"], **stored["variant"]
        )
    path = _existing(path_or_name)
    values, variant = _read(path)
    return function.PerturbationFunction(values, **variant)


def load_card(path_or_name=DEFAULT_PERTURBATION):
    """Returns the card of a φ: its source, terms, steps, seed, figures.

    Args:
        path_or_name: As for `load_perturbation`.

    Returns: a dict.
    Raises: FileNotFoundError, if there is no such path or no card in it;
        ValueError, if the card is damaged.
    """
    if str(path_or_name) in _shipped():
        return files.read_json(PRETRAINED / f"{path_or_name}.json")["card"]
    return files.read_json(_existing(path_or_name) / _CARD)


def _shipped():
    return sorted(file.stem for file in PRETRAINED.glob("*.json"))


def _existing(path_or_name):
    """Returns the path, or says what could have been meant."""
    path = pathlib.Path(path_or_name)
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
    """Reads weights and variant of φ from a SavedModel's variables alone."""
    problem = f"Folder {path} must be a SavedModel written by "
    problem += "save_perturbation, and whole. Received: "
    if not (path / "saved_model.pb").is_file():
        raise ValueError(problem + "a path without `saved_model.pb`")
    prefix = os.fspath(path / "variables" / "variables")
    try:
        reader = tf.train.load_checkpoint(prefix)
        tensors = {  # all of them: the whole file must be readable
            key: reader.get_tensor(key)
            for key in reader.get_variable_to_shape_map()
        }
        values = {
            name: tensors[_VARIABLE_KEY.format(name)]
            for name in function.WEIGHT_SHAPES
        }
        variant = json.loads(tensors.get(_VARIANT_KEY, b"{}").decode())
    # A truncated file raises nearly anything, IndexError included.
    except Exception as error:
        raise ValueError(f"{problem}{type(error).__name__}: {error}") from error
    try:
        return function.check_values(values), variant
    except ValueError as error:
        raise ValueError(problem + str(error)) from error


class _ExportedPerturbation(tf.Module):
    """φ with the endpoints of its SavedModel."""

    def __init__(self, phi, channel_norm, spatial_norm):
        super().__init__()
        self.perturbation = function.PerturbationFunction(
            phi.values(), trainable=False, **phi.variant()
        )
        self.variant = tf.Variable(json.dumps(phi.variant()), trainable=False)
        self.noise_seed = tf.Variable(
            _SERVE_SEED, dtype=tf.int32, trainable=False, name="noise_seed"
        )
        self.norms = float(channel_norm), float(spatial_norm)

    @tf.function(input_signature=[_FEATURES])
    def serve(self, features):
        statistics = self._batch_statistics(features)
        return self._perturbed(
            features, statistics, *self.norms, 1.0, _SERVE_SEED, False
        )

    @tf.function(input_signature=[_FEATURES])
    def serve_training(self, features):
        seed = self.noise_seed.assign_add((0, 1))
        statistics = self._batch_statistics(features)
        return self._perturbed(
            features, statistics, *self.norms, 1.0, seed, True
        )

    @tf.function(input_signature=[_FEATURES, *_SCALARS])
    def train(
        self, features, channel_norm, spatial_norm, noise_coefficient, seed
    ):
        mean, variance = self._batch_statistics(features)
        outputs = self._perturbed(
            features,
            (mean, variance),
            channel_norm,
            spatial_norm,
            noise_coefficient,
            seed,
            True,
        )
        return {"outputs": outputs, "mean": mean, "variance": variance}

    @tf.function(input_signature=[_FEATURES, *_STATISTICS, *_SCALARS])
    def test(
        self,
        features,
        mean,
        variance,
        channel_norm,
        spatial_norm,
        noise_coefficient,
        seed,
    ):
        outputs = self._perturbed(
            features,
            (mean, variance),
            channel_norm,
            spatial_norm,
            noise_coefficient,
            seed,
            False,
        )
        return {"outputs": outputs}

    def _batch_statistics(self, features):
        return function.batch_statistics(
            self.perturbation.channel_features(features)
        )

    def _perturbed(
        self,
        features,
        statistics,
        channel_norm,
        spatial_norm,
        noise_coefficient,
        seed,
        training,
    ):
        shape = tf.shape(features)
        height, channels = (tf.cast(shape[i], tf.float32) for i in (1, 3))
        scale = self.perturbation.scale(
            *statistics, channels / channel_norm, height / spatial_norm
        )
        logits = self.perturbation.noise_mean(features)
        if logits is not None:
            logits = logits + tf.random.stateless_normal(shape, seed)
        return function.perturb(
            features, logits, scale, noise_coefficient, training
        )
