"""The networks that a config can name."""

import pytest

from configs import arguments
from mp_keras.perturbation import layer as layer_module
from pipeline import networks
from tests import small_networks


class MakeNetworkTest:
    def test_plain_network_of_the_size(self):
        model = networks.make_network("conv4", classes=5, image_size=24)
        assert model.input_shape == (None, 24, 24, 3)
        assert model.output_shape == (None, 5)
        assert layer_module.positions(model) == []

    def test_options_phi_and_seed_arrive(self):
        model = networks.make_network(
            "conv4",
            5,
            16,
            perturbation=small_networks.random_phi(),
            seed=7,
            options={"channels": 3, "stochastic": False},
        )
        positions = layer_module.positions(model)
        assert [position.channel_norm for position in positions] == [3] * 4
        assert [position.spatial_norm for position in positions] == [16] * 4
        assert not any(position.stochastic for position in positions)
        assert len({position.seed for position in positions}) == 4
        assert positions[0].seed == 7

    def test_every_name_that_a_config_takes_is_there(self):
        for name in arguments.NETWORKS:
            assert networks.make_network(name, 2, 16).output_shape[1] == 2

    @pytest.mark.parametrize(
        ("name", "hint"), [("conv5", "'conv4'"), ("resnet_20", "'resnet20'")]
    )
    def test_unknown_name_is_corrected(self, name, hint):
        message = f"Did you mean {hint}(.|\n)*network='{name}'"
        with pytest.raises(ValueError, match=message):
            networks.make_network(name, 5, 32)

    @pytest.mark.parametrize("name", ["transformer", None, 3])
    def test_unknown_name_without_a_near_one(self, name):
        with pytest.raises(ValueError, match="must be one of .'conv4'"):
            networks.make_network(name, 5, 32)
