"""What mypy must accept and refuse of the public functions; never run.

Each `type: ignore` names an error that mypy has to find: without the error,
mypy reports the comment as unused, and the check fails.
"""

import pathlib
import typing

import numpy as np

import mp_keras

PIXELS = np.zeros((2, 32, 32, 3), "float32")
LABELS = np.zeros(2, "int64")


def accepted(phi: mp_keras.PerturbationFunction) -> None:
    model = mp_keras.networks.Conv4(10, (32, 32, 3), perturbation=phi, seed=0)
    mp_keras.perturb_model(model, phi, positions=["first", 3])
    mp_keras.perturb_model(model, phi, positions=lambda layer: layer.built)
    mp_keras.save_classifier(model, pathlib.Path("folder"), samples=3)
    typing.assert_type(
        mp_keras.classification_metrics([[0.5, 0.5]], [0]), dict[str, float]
    )
    typing.assert_type(
        mp_keras.robust_accuracy(model, PIXELS, LABELS, "l2", [0.5]),
        dict[float, float],
    )
    curve = mp_keras.reliability_curve(PIXELS[:, 0, 0], LABELS)
    typing.assert_type(curve, mp_keras.ReliabilityCurve)
    typing.assert_type(curve.expected_calibration_error(), float)


def refused(phi: mp_keras.PerturbationFunction) -> None:
    mp_keras.AdamL2(1e-3, "small")  # type: ignore[arg-type]
    mp_keras.ExpectedCalibrationError(bins="15")  # type: ignore[arg-type]
    mp_keras.NoiseAnnealing(0.4, rise=3)  # type: ignore[call-arg]
    mp_keras.networks.ResNet20("10")  # type: ignore[arg-type]
    mp_keras.networks.ResNet20(10, (32, 32))  # type: ignore[arg-type]
    mp_keras.baselines.drop_block_model(phi)  # type: ignore[call-arg]
    mp_keras.perturb_model(phi, phi, "auto", 3)  # type: ignore[call-arg]
    mp_keras.insert_layers(phi, 3)  # type: ignore[arg-type]
    mp_keras.reliability_curve(PIXELS, LABELS).bins  # type: ignore[attr-defined]
