"""What the other environment compares with, against NumPy by hand."""

import json

import numpy as np
import pytest
import tensorflow as tf

import mp_keras
from tests.environments import export_for_tfa
from tests.perturbation import reference


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The export; not to be changed."""
    path = tmp_path_factory.mktemp("tfa") / "new" / "export"
    export_for_tfa.export(path)
    return path


@pytest.fixture(scope="module")
def arrays(folder):
    with np.load(folder / "layers.npz") as stored:
        return dict(stored)


def expected(case, arrays):
    """Yields every form of a case in NumPy: inputs' key, NumPy's results."""
    phi = export_for_tfa.make_perturbations()[case.phi].values()
    norms = case.channel_norm, case.spatial_norm, case.noise_coefficient
    for call, batch in enumerate(arrays[f"{case.name}/inputs"]):
        noise = tf.random.stateless_normal(case.shape, (case.seed, call))
        yield reference.perturbed(phi, batch, noise.numpy(), norms)
    noise = tf.random.stateless_normal(case.shape, (case.seed, call + 1))
    statistics = [
        arrays[f"{case.name}/moving_{name}"] for name in ("mean", "variance")
    ]
    yield reference.perturbed(
        phi,
        arrays[f"{case.name}/inputs"][0],
        noise.numpy(),
        norms,
        statistics=statistics,
    )


def noisy_cases():
    """The cases that the reference knows: with noise, more than one image."""
    return [
        case
        for case in export_for_tfa.CASES
        if case.phi != "noise_free" and case.shape[0] > 1
    ]


class ExportTest:
    @pytest.mark.parametrize("case", noisy_cases(), ids=lambda case: case.name)
    def test_outputs_are_those_of_the_equations(self, case, arrays):
        *training, test = expected(case, arrays)
        outputs = [result["output"] for result in training]
        found = arrays[f"{case.name}/training_outputs"]
        np.testing.assert_allclose(found, outputs, rtol=1e-5, atol=1e-5)
        found = arrays[f"{case.name}/test_outputs"]
        np.testing.assert_allclose(found, test["output"], rtol=1e-5, atol=1e-5)

    def test_statistics_move_in_every_call(self, arrays):
        *training, _ = expected(export_for_tfa.CASES[3], arrays)
        moving = 0
        for result in training:  # the reference starts from 0
            moving = 0.9 * moving + result["moving_mean"]
        np.testing.assert_allclose(
            arrays["half_noise/moving_mean"], moving, rtol=1e-5
        )

    def test_cases_and_numbers_are_described(self, folder):
        description = json.loads((folder / "cases.json").read_text())
        names = [case["name"] for case in description["cases"]]
        assert len(set(names)) == len(export_for_tfa.CASES)
        assert {case["phi"] for case in description["cases"]} == {
            "shipped",
            "noise_free",
            "drawn",
        }
        for numbers in description["numbers"].values():
            assert sum(np.size(array) for array in numbers.values()) == 82

    def test_folders_hold_the_perturbations(self, folder):
        description = json.loads((folder / "cases.json").read_text())
        for name, numbers in description["numbers"].items():
            phi = mp_keras.load_perturbation(folder / name)
            assert phi.use_noise == (name != "noise_free")
            for key, array in phi.values().items():
                np.testing.assert_allclose(array, numbers[key], rtol=1e-6)
