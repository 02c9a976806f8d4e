"""Networks of keras.applications: what they see, and how they begin."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras.graphs import model_copy
from mp_keras.networks import applications
from mp_keras.perturbation import positions_of
from tests import small_networks
from tests import tiny_application

pytestmark = pytest.mark.tensorflow_only
MODULES = {
    "ConvNeXtTiny": keras.applications.convnext,
    "EfficientNetB0": keras.applications.efficientnet,
    "MobileNetV3Small": keras.applications.mobilenet_v3,
    "ResNet50V2": keras.applications.resnet_v2,
}
SHAPE = (32, 32, 3)


@pytest.fixture
def tiny(monkeypatch):
    tiny_application.replace(monkeypatch)


def small(**changes):
    options = {"classes": 5, "input_shape": SHAPE}
    return applications.Application("MobileNetV3Small", **options | changes)


def with_weights(model):
    return [layer for layer in model.layers if layer.weights]


class ApplicationTest:
    @pytest.mark.parametrize(
        "name",
        [
            pytest.param("ConvNeXtTiny", marks=pytest.mark.long),
            pytest.param("EfficientNetB0", marks=pytest.mark.long),
            "MobileNetV3Small",
            pytest.param("ResNet50V2", marks=pytest.mark.long),
        ],
    )
    def test_sees_pixels_as_keras_prepares_them(self, name):
        network = applications.Application(name, 5, SHAPE)
        assert (network.name, network.output_shape) == (name, (None, 5))
        original = getattr(keras.applications, name)(
            include_top=False, weights=None, input_shape=SHAPE, pooling="avg"
        )
        pairs = zip(with_weights(network), with_weights(original))
        for ours, theirs in pairs:
            model_copy.copy_weights(ours, theirs)
        pixels = np.random.default_rng(0).integers(0, 256, (2, *SHAPE))
        prepared = MODULES[name].preprocess_input(pixels.astype("float32"))
        expected = np.asarray(original(prepared))
        features = keras.Model(
            network.inputs, network.get_layer(applications.CLASSIFIER).input
        )
        actual = np.asarray(features(mp_keras.normalize(pixels)))
        assert np.std(expected) > 0
        np.testing.assert_allclose(
            actual, expected, rtol=1e-3, atol=1e-3 * np.std(expected)
        )

    def test_phi_is_in_every_block(self):
        phi = small_networks.random_phi()
        network = small(perturbation=phi, seed=3)
        positions = positions_of(network)
        assert len(positions) == 11
        assert {position.spatial_norm for position in positions} == {32}
        assert positions[0].seed == 3

    @pytest.mark.usefixtures("tiny")
    def test_locations_are_those_of_the_blocks(self):
        phi = small_networks.random_phi()
        (position,) = positions_of(small(perturbation=phi, positions="top"))
        assert position.channel_norm == 8

    @pytest.mark.usefixtures("tiny")
    def test_other_layers_go_where_phi_would(self):
        network = small(
            perturbation=lambda index: keras.layers.Identity(name=f"at_{index}")
        )
        assert network.get_layer("at_0").input.shape == (None, 15, 15, 8)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"input_shape": (31, 32, 3)}, r"at least 32(.|\n)*\(31, 32, 3\)"),
            ({"input_shape": (32, 32, 1)}, r"width, 3\)(.|\n)*\(32, 32, 1\)"),
            ({"classes": 1}, "at least 2(.|\n)*classes=1"),
            ({"depth": 3}, r"'alpha'(.|\n)*Received: \['depth'\]"),
            ({"pooling": "max"}, r"Received: \['pooling'\]"),
            ({"positions": "middle", "perturbation": None}, "'middle'"),
        ],
    )
    def test_what_does_not_suit_is_named(self, changes, message):
        with pytest.raises(ValueError, match=message):
            small(**changes)

    def test_unknown_name_lists_the_valid_ones(self):
        with pytest.raises(ValueError, match="ConvNeXtTiny(.|\n)*'ResNet50'"):
            applications.Application("ResNet50", 5, SHAPE)
