"""Placement: one layer a position, seeds in order."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras.perturbation import placement


class PlacementTest:
    def test_without_perturbation_features_pass(self):
        place = placement.Placement(None, [1], 16, None)
        features = np.ones((1, 2, 2, 3))
        assert place(features) is features

    def test_positions_get_names_and_seeds_in_order(self, phi, monkeypatch):
        made = []

        class Recorded(mp_keras.MetaPerturbLayer):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                made.append(self)

        monkeypatch.setattr(placement.layer, "MetaPerturbLayer", Recorded)
        place = placement.Placement(phi, [2], 16, 8, seed=20, stochastic=False)
        for channels in (3, 5):
            place(np.ones((1, 2, 2, channels), "float32"))
        assert [layer.name for layer in made] == [
            "meta_perturb_0",
            "meta_perturb_1",
        ]
        assert [layer.seed for layer in made] == [20, 21]
        assert [layer.stochastic for layer in made] == [False, False]
        assert [layer.moving_mean.shape[0] for layer in made] == [3, 5]

    def test_layers_of_a_function_get_the_positions_numbers(self):
        def make_layer(index):
            return keras.layers.Rescaling(10.0 + index)

        place = placement.Placement(make_layer, [1, 2], positions="top")
        ones = np.ones((1, 2, 2, 3), "float32")
        assert place(ones) is ones
        outputs = [float(np.mean(np.array(place(ones)))) for _ in range(2)]
        assert outputs == [11, 12]

    def test_seeds_without_a_given_one_differ_between_networks(self, phi):
        makers = [placement.phi_layers(phi, 16, 8) for _ in range(5)]
        assert len({make_layer(0).seed for make_layer in makers}) == 5
        assert makers[0](3).seed == makers[0](0).seed + 3

    def test_wrong_arguments_raise(self, phi):
        with pytest.raises(ValueError, match="height.*must be known"):
            placement.Placement(phi, [1], 16, None)
        with pytest.raises(ValueError, match="`positions` must be one of"):
            placement.Placement(None, [1], positions="middle")
        place = placement.Placement(lambda index: None, [1])
        with pytest.raises(ValueError, match="Keras layer.*None at index 0"):
            place(np.ones((1, 2, 2, 3), "float32"))

    @pytest.mark.parametrize("other", ["phi", 0.1, keras.layers.Dropout(0.1)])
    def test_neither_phi_nor_function(self, other):
        with pytest.raises(ValueError, match="make_layer.*Received"):
            placement.Placement(other, [1], 16, 8)
