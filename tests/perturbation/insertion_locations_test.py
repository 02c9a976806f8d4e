"""Locations (table 3 (b)) in networks whose positions are found."""

import keras
import numpy as np
import pytest

import mp_keras
from tests.perturbation import insertions

_NETWORKS = [mp_keras.networks.Conv6, mp_keras.networks.ResNet20]


class LocationsTest:
    @pytest.mark.parametrize("make", _NETWORKS)
    @pytest.mark.parametrize("positions", ["before_pooling", "top", "bottom"])
    def test_are_those_of_the_networks_that_we_build(
        self, phi, make, positions
    ):
        shape = (24, 24, 3)
        built = make(5, shape, phi, positions, seed=3)
        perturbed = mp_keras.perturb_model(
            make(5, shape), phi, positions, seed=3
        )
        built.set_weights(perturbed.get_weights())
        assert insertions.names_and_norms(
            perturbed
        ) == insertions.names_and_norms(built)
        inputs = insertions.images(24)
        np.testing.assert_array_equal(
            perturbed(inputs, training=True), built(inputs, training=True)
        )

    def test_fused_activation_stays_where_no_layer_comes(self, phi):
        model = keras.applications.VGG16(
            weights=None, include_top=False, input_shape=(32, 32, 3)
        )
        perturbed = mp_keras.perturb_model(model, phi, "before_pooling")
        assert insertions.followed(perturbed) == [
            f"block{block}_conv{last}"
            for block, last in enumerate((2, 2, 3, 3, 3), start=1)
        ]
        assert insertions.names_and_norms(perturbed)[1] == (
            "meta_perturb_3",
            512,
            32,
        )
        for name, activation in (("conv1", "relu"), ("conv2", "linear")):
            layer = perturbed.get_layer(f"block1_{name}")
            assert layer.activation.__name__ == activation
        insertions.assert_same_network(model, perturbed, insertions.images(32))

    def test_unknown_heights_do_not_tell_levels(self, phi):
        model = mp_keras.networks.ResNet20(4, (None, None, 3))
        with pytest.raises(ValueError, match="tell its levels apart"):
            mp_keras.perturb_model(model, phi, "top", spatial_norm=32)

    @pytest.mark.parametrize("positions", ["all", "upper"])
    def test_unknown_location(self, phi, positions):
        message = f'"before_pooling", "top", "bottom".*{positions}'
        with pytest.raises(ValueError, match=message):
            mp_keras.perturb_model(insertions.named_network(), phi, positions)
