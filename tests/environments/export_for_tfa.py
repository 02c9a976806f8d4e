"""Writes what the tests in the TensorFlow Addons environment read.

    python -m tests.environments.export_for_tfa FOLDER

Runs in the main environment. Writes `shipped`, `noise_free` and `drawn`,
SavedModels of φ; `layers.npz`, inputs and outputs of the native
`MetaPerturbLayer` for each of `CASES`; `cases.json`, the cases themselves and
the 82 numbers of each φ. The noise of a layer's call n comes from the seed
`(seed, n)`, n from 0, so that others can draw it too.
"""

import dataclasses
import pathlib
import sys

import numpy as np
import tensorflow as tf

import mp_keras
from mp_keras import files
from tests import small_networks

TRAINING_CALLS = 3


@dataclasses.dataclass(frozen=True)
class Case:
    """A layer at one position, and the feature maps that it gets.

    `phi` is the folder of φ, `shape` that of one batch, `(batch, height,
    width, channels)`, the rest are arguments and state of the layer.
    """

    name: str
    phi: str
    shape: tuple
    channel_norm: float = 64
    spatial_norm: float = 32
    noise_coefficient: float = 1.0
    seed: int = 0


CASES = (
    Case("shipped_first", "shipped", (4, 8, 8, 16), seed=1),
    Case("shipped_last", "shipped", (6, 2, 2, 64), seed=2),
    Case("vgg_norms", "shipped", (3, 7, 5, 24), 512, 84, seed=3),
    Case("half_noise", "drawn", (5, 6, 6, 3), 6, 12, 0.5, seed=4),
    Case("full_noise", "drawn", (4, 8, 4, 7), 7, 8, seed=2**31 - 1),
    Case("identity", "drawn", (2, 4, 4, 2), 6, 8, 0.0, seed=5),
    Case("one_example", "drawn", (1, 4, 4, 2), 6, 8, seed=6),
    Case("noise_free", "noise_free", (4, 8, 8, 5), 8, 8, seed=7),
)


class _SeededLayer(mp_keras.MetaPerturbLayer):
    """The native layer, whose noise of call n has the seed `(seed, n)`."""

    calls = -1

    def sample_noise(self, inputs, training=False):
        self.calls += 1
        return tf.random.stateless_normal(
            tf.shape(inputs), (self.seed, self.calls)
        )


def export(folder):
    """Writes all of it.

    Args:
        folder: Path-like; made if missing, replaced if not.
    """
    perturbations = make_perturbations()
    with files.new_directory(folder) as path:
        for name, phi in perturbations.items():
            mp_keras.save_perturbation(phi, path / name)
        arrays = {
            f"{case.name}/{key}": array
            for case in CASES
            for key, array in run(case, perturbations[case.phi]).items()
        }
        np.savez(path / "layers.npz", **arrays)
        description = {
            "cases": [dataclasses.asdict(case) for case in CASES],
            "numbers": {
                name: {key: w.tolist() for key, w in phi.values().items()}
                for name, phi in perturbations.items()
            },
        }
        files.write_json(path / "cases.json", description)


def make_perturbations():
    """Returns a dict from folder name to `PerturbationFunction`."""
    drawn = small_networks.random_phi(4)
    return {
        "shipped": mp_keras.load_perturbation(),
        "noise_free": mp_keras.PerturbationFunction(
            drawn.values(), use_noise=False
        ),
        "drawn": drawn,
    }


def run(case, phi):
    """Returns what a new native layer makes of random features.

    Args:
        case: `Case`.
        phi: `PerturbationFunction`.

    Returns: dict of float32 arrays: `inputs` and `training_outputs`
        `(TRAINING_CALLS, batch, height, width, channels)`, the
        `moving_mean` and `moving_variance` after them `(channels, 4)`,
        `test_outputs` of the first inputs in the call after them.
    """
    layer = _SeededLayer(
        phi, case.channel_norm, case.spatial_norm, seed=case.seed
    )
    layer.build(case.shape)
    layer.noise_coefficient.assign(case.noise_coefficient)
    inputs = small_networks.draw_images(
        TRAINING_CALLS, *case.shape, seed=case.seed
    )
    trained = [np.asarray(layer(batch, training=True)) for batch in inputs]
    return {
        "inputs": inputs,
        "training_outputs": np.stack(trained),
        "moving_mean": np.asarray(layer.moving_mean),
        "moving_variance": np.asarray(layer.moving_variance),
        "test_outputs": np.asarray(layer(inputs[0], training=False)),
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: python -m tests.environments.export_for_tfa FOLDER")
    export(pathlib.Path(sys.argv[1]))
