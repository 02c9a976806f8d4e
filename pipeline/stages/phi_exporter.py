"""PhiExporter: φ as a checked SavedModel, ready for any network."""

import pathlib

import numpy as np
import tensorflow as tf

import mp_keras
from mp_keras import files
from mp_keras.perturbation import function

_TOLERANCE = 1e-4
_SEED = (0, 1)
_SHAPE = (4, 12, 12, 6)  # of the features that the check runs φ on


def export(run, directory):
    """Writes the φ of a meta-training run as a SavedModel and checks it.

    Args:
        run: Path-like, folder that the MetaTrainer stage wrote.
        directory: Path-like, the SavedModel.

    Returns: the card of φ.
    Raises: ValueError, if the run holds no φ, or the exported one computes
        something else than the library does.
    """
    run = pathlib.Path(run)
    phi = mp_keras.load_perturbation(run / "phi")
    result = files.read_json(run / "result.json")
    card = {**mp_keras.load_card(run / "phi"), "source": result["data"]}
    norms = card["channel_norm"], card["spatial_norm"]
    mp_keras.save_perturbation(phi, directory, *norms, card=card)
    _check(phi, norms, directory)
    return card


def _check(phi, norms, directory):
    """Compares the export's training form with the library's computation."""
    features = np.random.default_rng(0).normal(size=_SHAPE).astype("float32")
    exported = tf.saved_model.load(str(directory))
    actual = exported.train(features, *map(float, norms), 1.0, _SEED)
    ratios = _SHAPE[3] / norms[0], _SHAPE[1] / norms[1]
    statistics = function.batch_statistics(phi.channel_features(features))
    draws = tf.random.stateless_normal(phi.draws_shape(_SHAPE), _SEED)
    noise = phi.noise_factor(phi.noise_mean(features), draws)
    scale = phi.scale(*statistics, *ratios)
    expected = function.perturb(features, noise, scale, 1.0, training=True)
    gap = float(tf.reduce_max(tf.abs(actual["outputs"] - expected)))
    if not gap < _TOLERANCE:  # NaN fails too
        raise ValueError(
            f"The exported φ in {directory} must compute what the library "
            f"computes. Received: outputs that differ by {gap}"
        )
