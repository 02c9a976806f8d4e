"""φ at one position of a `tf.keras` 2.15 network, around a SavedModel of φ.

Copy this file beside your own: it needs TensorFlow 2.15 and nothing else. The
SavedModel is a folder of `mp_keras.save_perturbation`. The trap: a model is
loaded from its configuration before any of its weights, and by then the folder
may be gone; so the layer's configuration holds the SavedModel itself, zipped.
"""

import base64
import functools
import io
import pathlib
import random
import tempfile
import zipfile

import tensorflow as tf

_MOMENTUM = 0.1  # weight of the newest batch in the moving statistics
_FEATURES = 4  # numbers that describe one channel


@tf.keras.utils.register_keras_serializable(package="mp_keras_keras2")
class MetaPerturbLayer(tf.keras.layers.Layer):
    """Multiplies a feature map by φ's scale and input-dependent noise.

    In numbers the same as `mp_keras.MetaPerturbLayer`: training uses the
    scale of this batch, test that of the moving statistics; noise is drawn in
    both, call n from the seed `(seed, n)`, n from 0, other noise on every
    replica. φ's 82 numbers are frozen and not among the layer's weights.

    Args:
        path: Path-like of φ's SavedModel. Left out only with `packed`.
        channel_norm: Positive number, the largest channel count among the
            network's positions.
        spatial_norm: Positive number, the height of the network's input in
            pixels.
        seed: Int or None (default, drawn at random). Seed of the noise; give
            every position its own.
        packed: Text that `get_config` made of a SavedModel, instead of `path`.
        **kwargs: Passed to `tf.keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(batch, height, width, channels)`.
        training: Bool, default False.

    Output shape: that of `inputs`.
    Weights, none trainable: `moving_mean` (from 0) and `moving_variance`
        (from 1), `(channels, 4)` each; `noise_coefficient`, a scalar in
        [0, 1], from 1; `calls`, an int64 scalar.
    Raises: ValueError, if `path` is no SavedModel of φ, both or neither of
        `path` and `packed` are given, a norm is not positive, or `inputs` is
        not 4-D with known channels.
    """

    def __init__(
        self,
        path=None,
        channel_norm=64,
        spatial_norm=32,
        seed=None,
        packed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if (path is None) == (packed is None):
            raise ValueError(
                "Expected one of the arguments `path` and `packed`. "
                f"Received: path={path!r} and packed "
                f"{'missing' if packed is None else 'as well'}"
            )
        for name, norm in (
            ("channel_norm", channel_norm),
            ("spatial_norm", spatial_norm),
        ):
            if not norm or norm <= 0:
                raise ValueError(
                    f"Argument `{name}` must be a positive number. "
                    f"Received: {name}={norm}"
                )
        self.channel_norm = channel_norm
        self.spatial_norm = spatial_norm
        self.seed = random.randrange(2**31) if seed is None else seed
        self.packed = _pack(path) if packed is None else packed
        self.phi = _load(self.packed)

    def build(self, input_shape):
        if len(input_shape) != 4 or input_shape[-1] is None:
            raise ValueError(
                f"Input of layer `{self.name}` must be "
                "(batch, height, width, channels) with known channels. "
                f"Received: shape {tuple(input_shape)}"
            )
        shape = (input_shape[-1], _FEATURES)
        mean = tf.VariableAggregation.MEAN
        first = tf.VariableAggregation.ONLY_FIRST_REPLICA
        self.moving_mean = self._add_state("moving_mean", shape, "zeros", mean)
        self.moving_variance = self._add_state(
            "moving_variance", shape, "ones", mean
        )
        self.noise_coefficient = self._add_state(
            "noise_coefficient", (), "ones", first
        )
        self.calls = self._add_state("calls", (), "zeros", first, tf.int64)
        super().build(input_shape)

    def _add_state(self, name, shape, start, aggregation, dtype=tf.float32):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=start,
            dtype=dtype,
            trainable=False,
            aggregation=aggregation,
            experimental_autocast=False,
        )

    def call(self, inputs, training=False):
        arguments = {
            "features": tf.cast(inputs, tf.float32),
            "channel_norm": tf.constant(self.channel_norm, tf.float32),
            "spatial_norm": tf.constant(self.spatial_norm, tf.float32),
            "noise_coefficient": self.noise_coefficient,
            "seed": self._next_seed(),
        }
        if training:
            results = self.phi.train(**arguments)
            self._update_moving_statistics(
                tf.shape(inputs)[0], results["mean"], results["variance"]
            )
            outputs = results["outputs"]
        else:
            outputs = self.phi.test(
                mean=self.moving_mean,
                variance=self.moving_variance,
                **arguments,
            )["outputs"]
        return tf.cast(tf.ensure_shape(outputs, inputs.shape), inputs.dtype)

    def _next_seed(self):
        """Returns the seed of this call's noise, `(2,)`, and counts the call.

        Replica r of R takes the draws r, R + r, 2R + r, ...
        """
        replica = tf.distribute.get_replica_context()
        number = tf.convert_to_tensor(self.calls)
        if replica is not None:
            number *= replica.num_replicas_in_sync
            number += tf.cast(replica.replica_id_in_sync_group, tf.int64)
            self.calls.assign_add(1)
        return tf.stack([self.seed, tf.cast(number, tf.int32)])

    def _update_moving_statistics(self, batch, mean, variance):
        # As the authors' code: the variance, unbiased already, is multiplied
        # by n / (n - 1) once more.
        count = tf.cast(batch, tf.float32)
        variance *= count / tf.maximum(count - 1, 1)
        for moving, new in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            moving.assign((1 - _MOMENTUM) * moving + _MOMENTUM * new)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "channel_norm": self.channel_norm,
            "spatial_norm": self.spatial_norm,
            "seed": self.seed,
            "packed": self.packed,
        }


def _pack(path):
    """Returns a SavedModel folder as text, the same for the same folder."""
    path = pathlib.Path(path)
    if not (path / "saved_model.pb").is_file():
        raise ValueError(
            "Argument `path` must be a SavedModel of φ, a folder of "
            f"mp_keras.save_perturbation. Received: {str(path)!r}, without "
            "`saved_model.pb`"
        )
    buffer = io.BytesIO()
    files = path / "saved_model.pb", *sorted(path.glob("variables/*"))
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(path))
    return base64.b64encode(buffer.getvalue()).decode()


@functools.lru_cache(maxsize=None)  # positions with the same φ share it
def _load(packed):
    """Returns the φ of a text that `_pack` made."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(packed))) as archive:
            archive.extractall(folder)
        phi = tf.saved_model.load(folder)
    if not (hasattr(phi, "train") and hasattr(phi, "test")):
        raise ValueError(
            "Expected a SavedModel of φ, a folder of "
            "mp_keras.save_perturbation. Received: a SavedModel without the "
            "endpoints `train` and `test`"
        )
    return phi
