"""Placement: one layer a position, seeds in order."""

import numpy as np
import pytest

import mp_keras
from mp_keras.networks import placement


class PlacementTest:
    def test_without_phi_features_pass(self):
        place = placement.Placement(None, 16, None)
        features = np.ones((1, 2, 2, 3))
        assert place(features) is features

    def test_positions_get_names_and_seeds_in_order(self, monkeypatch):
        made = []

        class Recorded(mp_keras.MetaPerturbLayer):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                made.append(self)

        monkeypatch.setattr(placement.layer, "MetaPerturbLayer", Recorded)
        phi = mp_keras.PerturbationFunction(seed=1)
        place = placement.Placement(phi, 16, 8, seed=20, stochastic=False)
        for channels in (3, 5):
            place(np.ones((1, 2, 2, channels), "float32"))
        assert [layer.name for layer in made] == [
            "meta_perturb_0",
            "meta_perturb_1",
        ]
        assert [layer.seed for layer in made] == [20, 21]
        assert [layer.stochastic for layer in made] == [False, False]
        assert [layer.moving_mean.shape[0] for layer in made] == [3, 5]

    def test_seeds_without_a_given_one_differ_between_networks(self):
        phi = mp_keras.PerturbationFunction(seed=1)
        seeds = {placement.Placement(phi, 16, 8).seed for _ in range(5)}
        assert len(seeds) == 5

    def test_unknown_height(self):
        phi = mp_keras.PerturbationFunction(seed=1)
        with pytest.raises(ValueError, match="height.*must be known"):
            placement.Placement(phi, 16, None)
