"""Deep ensembles: the members' mean probability."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras import baselines
from tests import small_networks


def members(count, classes=3):
    return [
        mp_keras.networks.Conv4(classes, (16, 16, 3), channels=4)
        for _ in range(count)
    ]


class DeepEnsembleTest:
    def test_probabilities_are_the_mean(self, tmp_path):
        models = members(3)
        images = small_networks.draw_images(5, 16, 16, 3)
        ensemble = baselines.deep_ensemble(models)
        expected = np.mean(
            [keras.ops.softmax(model(images)) for model in models], axis=0
        )
        actual = mp_keras.monte_carlo_predict(ensemble, images)
        np.testing.assert_allclose(actual, expected, rtol=1e-5)
        ensemble.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(loaded(images), ensemble(images), rtol=1e-6)

    @pytest.mark.tensorflow_only
    def test_export_serves_it(self, tmp_path):
        ensemble = baselines.deep_ensemble(members(2))
        mp_keras.save_classifier(ensemble, tmp_path / "saved_model")
        assert (tmp_path / "saved_model" / "saved_model.pb").is_file()

    def test_noise_of_the_members_is_sampled(self):
        phi = small_networks.random_phi()
        models = [
            mp_keras.networks.Conv4(
                3, (16, 16, 3), channels=4, perturbation=phi, seed=seed
            )
            for seed in (0, 100)
        ]
        ensemble = baselines.deep_ensemble(models)
        images = small_networks.draw_images(2, 16, 16, 3)
        one, many = (
            mp_keras.monte_carlo_predict(ensemble, images, samples)
            for samples in (1, 50)
        )
        assert np.any(one != many)

    @pytest.mark.parametrize(
        "models", [members(1), [*members(1), *members(1, classes=4)]]
    )
    def test_bad_members_raise(self, models):
        with pytest.raises(ValueError, match="at least two models of the same"):
            baselines.deep_ensemble(models)

    @pytest.mark.parametrize(
        "make", [baselines.mixup_model, lambda network: keras.Sequential()]
    )
    def test_members_must_be_graphs(self, make):
        models = [make(member) for member in members(2)]
        with pytest.raises(ValueError, match="`models` must hold functional"):
            baselines.deep_ensemble(models)
