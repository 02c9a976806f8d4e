"""The ResNets: their sizes, their shortcuts and their positions."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras.perturbation import positions_of
from tests import small_networks
from tests.networks import examples
from tests.networks import numpy_networks


class ResNet20Test:
    def test_parameter_counts_by_hand(self):
        model = mp_keras.networks.ResNet20(10)
        kernels = 9 * (3 * 16 + 6 * 16**2 + 16 * 32 + 5 * 32**2)
        kernels += 9 * (32 * 64 + 5 * 64**2)
        normed = 7 * 16 + 6 * 32 + 6 * 64  # channels under a batch norm
        assert kernels + 2 * normed + 65 * 10 == 269_722
        assert examples.trained_parameters(model) == 269_722
        assert model.count_params() == 269_722 + 2 * normed == 271_098

    def test_phi_adds_no_trained_parameter(self, phi):
        model = mp_keras.networks.ResNet20(10, perturbation=phi)
        assert examples.trained_parameters(model) == 269_722
        added = 9 * 83 + 3 * 8 * (16 + 32 + 64)
        assert model.count_params() == 271_098 + added

    def test_positions(self, phi):
        model = mp_keras.networks.ResNet20(
            3, (40, 32, 3), phi, seed=7, stochastic=False
        )
        found = positions_of(model)
        assert [position.seed for position in found] == list(range(7, 16))
        for position in found:
            assert (position.channel_norm, position.spatial_norm) == (64, 40)
            assert not position.stochastic
            assert examples.operations_around(position) == (
                keras.layers.Add,
                keras.layers.ReLU,
            )
        shapes = [position.input.shape[1:] for position in found]
        assert shapes == (
            [(40, 32, 16)] * 3 + [(20, 16, 32)] * 3 + [(10, 8, 64)] * 3
        )

    @pytest.mark.parametrize("size", [32, 33, 84, 96])
    def test_outputs_are_logits(self, size):
        model = mp_keras.networks.ResNet20(5, (size, size, 1))
        outputs = model(np.ones((1, size, size, 1), "float32"))
        assert outputs.shape == (1, 5)
        assert model.layers[-1].activation is keras.activations.linear

    @pytest.mark.parametrize("size", [8, 9])
    def test_strided_convolution_pads_like_torch(self, size):
        model = mp_keras.networks.ResNet20(2, (size, size, 3))
        strided = [
            layer
            for layer in model.layers
            if isinstance(layer, keras.layers.Conv2D)
            and layer.strides == (2, 2)
        ]
        assert len(strided) == 2
        padding = strided[0].input._keras_history.operation
        images = np.random.default_rng(0).normal(size=(2, size, size, 16))
        expected = numpy_networks.convolve(
            images, strided[0].get_weights()[0], 2
        )
        actual = strided[0](padding(images.astype("float32")))
        np.testing.assert_allclose(actual, expected, atol=1e-4)

    def test_unknown_size(self, phi):
        model = mp_keras.networks.ResNet20(4, (None, None, 3))
        for size in (8, 13):
            outputs = model(np.ones((1, size, size, 3), "float32"))
            assert outputs.shape == (1, 4)
        with pytest.raises(ValueError, match="must be known"):
            mp_keras.networks.ResNet20(4, (None, None, 3), phi)

    def test_saved_model_gives_equal_outputs(self, phi, tmp_path):
        model = mp_keras.networks.ResNet20(3, (8, 8, 3), phi)
        examples.assert_reloads(model, tmp_path)

    def test_wrong_arguments_raise(self):
        with pytest.raises(ValueError, match="`classes` must be at least 2"):
            mp_keras.networks.ResNet20(1)
        with pytest.raises(ValueError, match="`depth` must be one of.*50"):
            mp_keras.networks.ResNet(50, 10)

    def test_location(self, phi):
        model = mp_keras.networks.ResNet20(
            2, (84, 84, 3), phi, "before_pooling", 30
        )
        assert examples.names(model) == [f"meta_perturb_{i}" for i in (2, 5, 8)]
        assert examples.norms(model) == {(64, 84)}
        assert [each.seed for each in positions_of(model)] == [32, 35, 38]

    def test_layers_of_a_function(self):
        model = mp_keras.networks.ResNet20(
            2,
            (None, None, 3),
            lambda index: keras.layers.Dropout(0.1, name=f"dropout_at_{index}"),
            positions="before_pooling",
        )
        for number, channels in ((2, 16), (5, 32), (8, 64)):
            dropout = model.get_layer(f"dropout_at_{number}")
            assert dropout.input.shape == (None, None, None, channels)
            assert examples.operations_around(dropout) == (
                keras.layers.Add,
                keras.layers.ReLU,
            )


class DeeperCifarResNetsTest:
    @pytest.mark.parametrize(
        ("name", "blocks", "parameters"),
        [  # as published for these networks with 10 classes
            ("ResNet32", 5, 464_154),
            ("ResNet44", 7, 658_586),
            ("ResNet56", 9, 853_018),
        ],
    )
    def test_sizes_and_positions(self, phi, name, blocks, parameters):
        model = getattr(mp_keras.networks, name)(10, (33, 33, 3), phi)
        assert examples.trained_parameters(model) == parameters
        assert examples.shapes(model) == (
            [(33, 33, 16)] * blocks
            + [(17, 17, 32)] * blocks
            + [(9, 9, 64)] * blocks
        )
        assert examples.norms(model) == {(64, 33)}
        assert model.name == name.lower()

    def test_equals_numpy(self):
        model = mp_keras.networks.ResNet32(3, (9, 9, 3))
        examples.randomize_batch_norms(model)
        images = small_networks.draw_images(2, 9, 9, 3)
        levels = ((16, 5), (32, 5), (64, 5))
        expected = numpy_networks.resnet(model, images, levels, "A")
        np.testing.assert_allclose(model(images), expected, rtol=1e-3)


class ProjectionResNetsTest:
    @pytest.mark.parametrize(
        ("name", "blocks", "parameters"),
        [
            ("ResNet18", (2, 2, 2, 2), 11_173_962),
            ("ResNet34", (3, 4, 6, 3), 21_282_122),
        ],
    )
    def test_sizes_and_positions(self, phi, name, blocks, parameters):
        model = getattr(mp_keras.networks, name)(10, (32, 84, 3), phi)
        count, before = 27 * 64 + 2 * 64 + 513 * 10, 64
        shapes = []
        for level, (channels, number) in enumerate(
            zip((64, 128, 256, 512), blocks)
        ):
            count += 9 * (before + (2 * number - 1) * channels) * channels
            count += 2 * 2 * number * channels  # batch norms
            if level:  # the 1x1 shortcut and its batch norm
                count += before * channels + 2 * channels
            before = channels
            width = (84, 42, 21, 11)[level]
            shapes += [(32 >> level, width, channels)] * number
        assert examples.trained_parameters(model) == count == parameters
        assert examples.shapes(model) == shapes
        assert examples.norms(model) == {(512, 32)}
        for position in positions_of(model):
            assert examples.operations_around(position) == (
                keras.layers.Add,
                keras.layers.ReLU,
            )
        assert model.name == name.lower()

    def test_equals_numpy(self):
        model = mp_keras.networks.ResNet18(3, (9, 9, 3))
        examples.randomize_batch_norms(model)
        images = small_networks.draw_images(2, 9, 9, 3)
        levels = [(channels, 2) for channels in (64, 128, 256, 512)]
        expected = numpy_networks.resnet(model, images, levels, "B")
        np.testing.assert_allclose(model(images), expected, rtol=1e-3)
