"""One position in each block, whatever the network is made of."""

import functools
import warnings

import keras
import pytest
from keras import layers

import mp_keras
from tests.perturbation import insertions
from tests.perturbation import network_zoo as zoo

_LARGER = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}
_PLACES = {  # the first and the last
    "MobileNet": ("conv_pw_1_bn", "conv_pw_13_bn"),
    "MobileNetV2": ("expanded_conv_project_BN", "block_16_project_BN"),
    "EfficientNetB0": ("block1a_project_bn", "block7a_project_bn"),
    "DenseNet121": ("conv2_block1_1_bn", "conv5_block16_1_bn"),
    "InceptionV3": ("mixed0", "mixed10"),
}


def application(name):
    size = _LARGER.get(name, 32)
    return getattr(keras.applications, name)(
        weights=None, include_top=False, input_shape=(size, size, 3)
    )


class ApplicationsTest:
    @pytest.mark.parametrize(
        ("name", "count"),
        [
            ("ResNet50", 16),
            ("ResNet50V2", 16),
            ("ConvNeXtTiny", 18),
            ("VGG16", 13),
            ("EfficientNetB0", 16),
            ("EfficientNetV2B0", 20),  # of 21; the first is as a stem
            ("MobileNet", 13),
            ("MobileNetV2", 17),
            ("MobileNetV3Small", 11),
            ("MobileNetV3Large", 15),
            ("DenseNet121", 58),
            ("InceptionV3", 11),
            ("InceptionResNetV2", 43),  # 40 residual blocks, 3 mixed ones
            ("NASNetMobile", 16),
            ("Xception", 13),  # of 14; the first has no branches
        ],
    )
    def test_one_position_in_each_block(self, name, count):
        found = mp_keras.find_positions(application(name))
        assert len(found) == count
        assert 2 * len(found.bare) <= count and not found.hidden  # no warning
        first, last = _PLACES.get(name, (found[0].layer, found[-1].layer))
        assert (found[0].layer, found[-1].layer) == (first, last)


def _chain_with(excite):
    blocks = [lambda x: excite(zoo.conv_norm_relu(x, 8)) for _ in range(3)]
    return zoo.chain(*blocks)


def _residuals_with(excite):
    return zoo.chain(
        lambda x: zoo.conv_norm_relu(x, 8),
        lambda x: zoo.residual(x, 8, excite=excite),
        lambda x: zoo.residual(x, 16, 2, excite),
    )


def _norm_after(x):
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    return layers.BatchNormalization()(x)


def _group_norm(x):
    x = layers.Conv2D(8, 3, padding="same")(x)
    return layers.ReLU()(layers.GroupNormalization(4)(x))


def _dropout_between(x):
    x = layers.Dropout(0.1)(zoo.conv_norm(x, 8))
    return layers.ReLU()(x)


def _spectral(x):
    convolution = layers.SpectralNormalization(layers.Conv2D(8, 3))
    return layers.ReLU()(convolution(x))


def _fused_spectral(x):
    convolution = layers.Conv2D(8, 3, activation="relu")
    return layers.SpectralNormalization(convolution)(x)


def _swish_by_hand(x):
    x = zoo.conv_norm(x, 8)
    return x * keras.ops.sigmoid(x)


_RELU = functools.partial(zoo.conv_norm_relu, channels=8)
_NETWORKS = {
    "group norm": (lambda: zoo.chain(*[_group_norm] * 4), 4),
    "fused stem": (lambda: zoo.chain(_norm_after, *[_group_norm] * 3), 4),
    "norm after": (lambda: zoo.chain(_RELU, *[_norm_after] * 3), 4),
    "dropout": (lambda: zoo.chain(_dropout_between), 1),
    "spectral": (lambda: zoo.chain(_spectral, _fused_spectral), 2),
    "swish": (lambda: zoo.chain(_swish_by_hand, _swish_by_hand), 2),
    "VGG, head": (lambda: zoo.vgg16_with_head(_RELU), 14),
    "VGG, 1x1 on 1x1": (
        lambda: zoo.vgg16_with_head(functools.partial(_RELU, size=1), 32),
        14,
    ),
    "VGG, residual": (
        lambda: zoo.vgg16_with_head(lambda x: zoo.residual(x, 512)),
        14,
    ),
    "FCN-16": (lambda: zoo.fcn([4]), 13),
    "FCN-8": (lambda: zoo.fcn([4, 3]), 13),
    "SE": (lambda: _chain_with(zoo.squeeze_and_excite), 3),
    "CBAM": (lambda: _chain_with(zoo.convolutional_attention), 3),
    "own attention": (lambda: _chain_with(zoo.OwnAttention()), 3),
    "GhostNet": (zoo.ghost_net, 2),
    "residual SE": (lambda: _residuals_with(zoo.squeeze_and_excite), 2),
    "residual CBAM": (lambda: _residuals_with(zoo.convolutional_attention), 2),
    "U-Net": (lambda: zoo.u_net(zoo.two_convolutions), 14),
    "attention U-Net": (
        lambda: zoo.u_net(zoo.two_convolutions, zoo.attention_gate),
        14,
    ),
    "residual U-Net": (lambda: zoo.u_net(zoo.residual), 7),
    "U-Net, any size": (
        lambda: zoo.u_net(zoo.residual, zoo.attention_gate, None),
        7,
    ),
    "RegNetX": (zoo.reg_net, 7),
    "RegNetY": (lambda: zoo.reg_net(zoo.squeeze_and_excite), 7),
    "skip around all": (zoo.super_resolution, 4),
    "lists": (zoo.dense_net_of_lists, 4),
    "pyramid": (zoo.pyramid, 3),
    "mixed, 4 to 1": (lambda: zoo.mixed_blocks(4), 2),
    "mixed, 5 to 2": (lambda: zoo.mixed_blocks(5), 2),
}


class NetworksTest:
    @pytest.mark.parametrize("name", _NETWORKS)
    def test_one_position_in_each_block(self, name):
        make, count = _NETWORKS[name]
        assert len(mp_keras.find_positions(make())) == count

    def test_inside_nested_models(self):
        inputs = keras.Input((None, None, 8))
        nested = keras.Model(inputs, zoo.residual(inputs, 8))
        around = keras.Sequential(
            [
                zoo.image(),
                layers.Rescaling(1 / 255),
                layers.Conv2D(8, 3, activation="relu"),
                nested,
                layers.GlobalAveragePooling2D(),
            ]
        )
        (position,) = mp_keras.find_positions(around)
        assert position.rule == "addition"

    def test_block_around_a_nested_model(self):
        inputs = keras.Input((None, None, 8))
        branch = keras.Model(inputs, zoo.conv_norm(_RELU(inputs), 8))
        model = zoo.chain(_RELU, lambda x: layers.Add()([x, branch(x)]))
        (position,) = mp_keras.find_positions(model)
        assert (position.shape, position.rule) == ((32, 32, 8), "addition")


class FoundPositionsTest:
    def test_prints_as_a_table(self):
        model = insertions.named_network()
        found = mp_keras.find_positions(model)
        assert list(found) == [("norm", (6, 6, 4), "convolution")]
        assert str(found) == (
            "   layer  shape  rule\n0  norm   6x6x4  convolution"
        )

    def test_numbers_are_those_of_the_inserted_layers(self, phi):
        model = _residuals_with(None)
        found = mp_keras.find_positions(model)
        perturbed = mp_keras.perturb_model(model, phi)
        assert insertions.followed(perturbed) == [each.layer for each in found]

    def test_subclassed_model_is_refused(self):
        class Subclassed(keras.Model):
            def call(self, inputs):
                return inputs

        with pytest.raises(ValueError, match="functional or Sequential"):
            mp_keras.find_positions(Subclassed())


class WarningTest:
    def test_layers_that_cannot_be_read_are_named_once(self, phi):
        blocks = [zoo.OwnBlock(8, name=f"own_{index}") for index in range(4)]
        model = zoo.chain(_RELU, *blocks)
        with pytest.warns(UserWarning, match="own_0, own_1") as caught:
            perturbed = mp_keras.perturb_model(model, phi)
        (message,) = [
            str(each.message) for each in caught if each.category is UserWarning
        ]
        assert "positions=[" in message
        assert insertions.followed(perturbed) == [
            f"own_{index}" for index in range(4)
        ]

    def test_bare_convolutions_are_named(self, phi):
        def bare(name):
            return layers.Conv2D(8, 3, padding="same", name=name)

        model = zoo.chain(*map(bare, "abc"), _RELU)
        with pytest.warns(UserWarning, match=r"without φ \(a, b, c\)"):
            mp_keras.perturb_model(model, phi)
        assert mp_keras.find_positions(model).bare == ["a", "b", "c"]

    def test_positions_by_hand_are_taken_without_a_word(self, phi):
        model = zoo.chain(_RELU, zoo.OwnBlock(8, name="own"))
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            mp_keras.perturb_model(model, phi, ["own"])
