"""The page "Fine-tuning a pretrained backbone", with keras.applications."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import mp_keras
from tests.environments import markdown_code


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        names = markdown_code.run("fine_tuning.md", "keras.applications")
        yield {**names, "folder": pathlib.Path.cwd()}


@pytest.mark.long  # two minutes on a busy core
class FineTuningPageTest:
    def test_head_first_then_all(self, names):
        network, model = names["network"], names["model"]
        assert len(names["positions"]) == 13
        inner = model.get_layer(names["backbone"].name)
        positions = [
            layer
            for layer in inner.layers
            if isinstance(layer, mp_keras.MetaPerturbLayer)
        ]
        assert len(positions) == 13
        assert all(float(each.noise_coefficient) == 1 for each in positions)
        shipped = mp_keras.load_perturbation().values()
        for name, array in positions[0].perturbation.values().items():
            np.testing.assert_array_equal(array, shipped[name])
        kernels, before = (
            np.array(each.get_layer("conv1").kernel)
            for each in (inner, network.get_layer(inner.name))
        )
        assert np.any(kernels != before)  # the second phase reached it

    def test_exports(self, names):
        np.testing.assert_allclose(
            names["probabilities"].sum(axis=1), 1, rtol=1e-5
        )
        saved = tf.saved_model.load(names["folder"] / "classifier")
        pixels = np.zeros((1, 32, 32, 3), "uint8")
        served = saved.signatures["serve"](images=tf.constant(pixels))
        assert served["probabilities"].shape == (1, 3)
        loaded = keras.models.load_model(names["folder"] / "model.keras")
        assert loaded.output_shape == (None, 3)
