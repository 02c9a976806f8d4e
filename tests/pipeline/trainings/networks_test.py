"""The networks that a config can name."""

import keras
import numpy as np
import pytest
from keras import layers

from configs import arguments
from mp_keras.networks import applications
from mp_keras.perturbation import positions_of
from pipeline.trainings import config_names
from pipeline.trainings import networks
from tests import small_networks


class MakeNetworkTest:
    def test_plain_network_of_the_size(self):
        model = networks.make_network("conv4", classes=5, image_size=24)
        assert model.input_shape == (None, 24, 24, 3)
        assert model.output_shape == (None, 5)
        assert positions_of(model) == []

    def test_options_phi_and_seed_arrive(self):
        model = networks.make_network(
            "conv4",
            5,
            16,
            perturbation=small_networks.random_phi(),
            seed=7,
            options={"channels": 3, "stochastic": False},
        )
        positions = positions_of(model)
        assert [position.channel_norm for position in positions] == [3] * 4
        assert [position.spatial_norm for position in positions] == [16] * 4
        assert not any(position.stochastic for position in positions)
        assert len({position.seed for position in positions}) == 4
        assert positions[0].seed == 7

    def test_names_are_those_that_a_config_takes(self):
        assert tuple(networks.NETWORKS) == arguments.NETWORKS
        assert applications.NAMES == arguments.APPLICATIONS
        assert config_names.APPLICATIONS == arguments.APPLICATIONS

    @pytest.mark.parametrize("name", arguments.NETWORKS)
    def test_every_network_trains_a_step_with_phi(self, name):
        size = {"vgg9": 32, "conv4": 16, "conv6": 16}.get(name, 8)
        phi = small_networks.random_phi()
        model = networks.make_network(name, 3, size, phi, seed=1)
        assert model.name == name
        model.compile(
            "sgd",
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            run_eagerly=True,
        )
        images = small_networks.draw_images(4, size, size, 3)
        before = [weight.numpy() for weight in model.trainable_weights]
        loss = model.train_on_batch(images, np.array([0, 1, 2, 0]))
        after = [weight.numpy() for weight in model.trainable_weights]
        assert np.all(np.isfinite(loss))
        for new, old in zip(after, before):
            assert np.all(np.isfinite(new))
        changed = [np.any(new != old) for new, old in zip(after, before)]
        assert np.mean(changed) > 0.7  # not biases under a batch norm

    @pytest.mark.parametrize("name", ["conv4", "resnet20"])
    def test_a_function_of_layers_and_a_location(self, name):
        model = networks.make_network(
            name, 3, 16, lambda index: layers.Dropout(0.1), positions="bottom"
        )
        dropouts = [x for x in model.layers if isinstance(x, layers.Dropout)]
        assert len(dropouts) == {"conv4": 1, "resnet20": 3}[name]

    @pytest.mark.parametrize(
        ("name", "hint"),
        [("wrn-28-2", "'wrn_28_2'"), ("resnet_20", "'resnet20'")],
    )
    def test_unknown_name_is_corrected(self, name, hint):
        message = f"Did you mean {hint}(.|\n)*network='{name}'"
        with pytest.raises(ValueError, match=message):
            networks.make_network(name, 5, 32)

    @pytest.mark.parametrize("name", ["transformer", None, 3])
    def test_unknown_name_without_a_near_one(self, name):
        with pytest.raises(ValueError, match="must be one of .'conv4'"):
            networks.make_network(name, 5, 32)
