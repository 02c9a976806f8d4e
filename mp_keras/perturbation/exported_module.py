"""φ as a TensorFlow module: what a SavedModel of it holds.

The endpoints are described in `saved_model.py`. The trap: a loaded random
generator goes on from where it was saved, and calls move it; only
`serve_training` has one.
"""

import json
import math
import os

import tensorflow as tf

from mp_keras import given_files
from mp_keras.perturbation import function

_VARIABLE_KEY = "perturbation/{}/.ATTRIBUTES/VARIABLE_VALUE"
_VARIANT_KEY = "variant/.ATTRIBUTES/VARIABLE_VALUE"
_NUMBERS_LIMIT = 1000  # of one variable of a folder that is φ's
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


def write(phi, folder, channel_norm, spatial_norm):
    """Writes φ as a SavedModel into a folder.

    Args:
        phi: `PerturbationFunction`.
        folder: Path-like of a folder that is empty.
        channel_norm: Positive number, of the default form.
        spatial_norm: Positive number, likewise.
    """
    module = _ExportedPerturbation(phi, channel_norm, spatial_norm)
    tf.saved_model.save(
        module,
        os.fspath(folder),
        signatures={
            "serving_default": module.serve,
            "train": module.train,
            "test": module.test,
        },
    )


def read(folder):
    """Returns weights and variant of φ from a SavedModel's variables alone.

    Args:
        folder: Path-like of a folder that `write` wrote.

    Returns: dict from weight name to array; dict of φ's options.
    Raises: nearly anything, IndexError included, if the files are damaged.
    """
    given_files.check_folder(folder)
    prefix = os.path.join(folder, "variables", "variables")
    reader = tf.train.load_checkpoint(prefix)
    shapes = reader.get_variable_to_shape_map()
    for key, shape in shapes.items():  # before memory is taken for it
        if math.prod(shape) > _NUMBERS_LIMIT:
            raise ValueError(f"a variable {key!r} of shape {shape}")
    # All of them: the whole file must be readable.
    tensors = {key: reader.get_tensor(key) for key in shapes}
    values = {
        name: tensors[_VARIABLE_KEY.format(name)]
        for name in function.WEIGHT_SHAPES
    }
    return values, json.loads(tensors.get(_VARIANT_KEY, b"{}").decode())


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
        noise = self.perturbation.noise_factor(
            self.perturbation.noise_mean(features),
            tf.random.stateless_normal(
                self.perturbation.draws_shape(tf.unstack(shape)), seed
            ),
        )
        return function.perturb(
            features, noise, scale, noise_coefficient, training
        )
