"""Where φ goes in a network: by the rules, by names, by a predicate."""

import keras
import pytest
from keras import layers
from keras import ops

import mp_keras
from mp_keras.perturbation import positions_of
from tests.perturbation import insertions


class AutomaticPositionsTest:
    def test_addition_by_operator_counts_and_a_constant_does_not(self, phi):
        inputs = keras.Input((8, 8, 4))
        features = layers.Conv2D(4, 3, padding="same")(inputs)
        added = layers.BatchNormalization()(features) + inputs
        outputs = ops.relu(added + 3)
        model = keras.Model(inputs, outputs)
        perturbed = mp_keras.perturb_model(model, phi)
        assert len(insertions.followed(perturbed)) == 1
        assert insertions.followed(perturbed) == [
            added._keras_history.operation.name
        ]
        insertions.assert_same_network(
            model, perturbed, insertions.images(channels=4)
        )

    def test_addition_of_gates_is_no_residual(self, phi):
        inputs = keras.Input((8, 8, 3))
        features = layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
        gate = layers.GlobalAveragePooling2D(keepdims=True)(features)
        outputs = layers.Add()([features, gate])  # 6x6 and 1x1
        perturbed = mp_keras.perturb_model(keras.Model(inputs, outputs), phi)
        assert insertions.followed(perturbed) == ["conv"]

    def test_norm_after_the_activation_leaves_it_to_convolutions(self, phi):
        model = insertions.named_network(activation="relu")
        inputs = model.input
        norm = model.get_layer("norm").output
        model = keras.Model(inputs, norm)
        assert insertions.followed(mp_keras.perturb_model(model, phi)) == [
            "first"
        ]

    @pytest.mark.parametrize(
        "activation",
        [
            lambda: "relu",
            lambda: lambda x: ops.leaky_relu(x, 0.3),
            lambda: layers.LeakyReLU(0.1),
            layers.PReLU,
        ],
    )
    def test_fused_activation_is_split_off(self, phi, activation):
        model = keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                layers.Conv2D(4, 3, activation=activation(), name="conv"),
                layers.DepthwiseConv2D(3, activation=activation(), name="wise"),
                layers.Conv2D(2, 1, activation="softmax"),
            ]
        )
        model(insertions.images())  # makes the weight of PReLU, 0 at first
        for weight in getattr(model.layers[0].activation, "weights", []):
            weight.assign(0.5 + weight)
        perturbed = mp_keras.perturb_model(model, phi)
        assert insertions.followed(perturbed) == ["conv", "wise"]
        insertions.assert_same_network(model, perturbed, insertions.images())

    @pytest.mark.parametrize(
        "activation",
        [
            layers.ReLU(),
            layers.Activation("silu"),
            layers.LeakyReLU(),
            ops.gelu,
        ],
    )
    def test_convolution_before_an_activation_layer(self, phi, activation):
        inputs = keras.Input((8, 8, 3))
        features = layers.Conv2D(4, 3, name="conv")(inputs)
        features = layers.Conv2D(4, 3, name="linear")(activation(features))
        model = keras.Model(inputs, features)
        perturbed = mp_keras.perturb_model(model, phi)
        assert insertions.followed(perturbed) == ["conv"]
        insertions.assert_same_network(model, perturbed, insertions.images())

    def test_network_without_positions_is_refused(self, phi):
        inputs = keras.Input((8, 8, 3))
        flat = layers.Flatten()(layers.MaxPooling2D()(inputs))
        model = keras.Model(inputs, layers.Dense(2, activation="relu")(flat))
        with pytest.raises(ValueError, match="blocks with 2-D convolutions"):
            mp_keras.perturb_model(model, phi)


class ChosenPositionsTest:
    @pytest.mark.parametrize(
        "positions",
        [
            ["first", "relu"],
            [3, 1],
            [-3, "first"],
            lambda layer: isinstance(layer, layers.Conv2D | layers.ReLU),
        ],
    )
    def test_layers_are_followed(self, phi, positions):
        model = insertions.named_network(activation="relu")
        perturbed = mp_keras.perturb_model(model, phi, positions, seed=7)
        assert insertions.followed(perturbed) == ["first", "relu"]
        found = positions_of(perturbed)
        assert [position.seed for position in found] == [7, 8]
        insertions.assert_same_network(model, perturbed, insertions.images())

    @pytest.mark.parametrize(
        ("positions", "message"),
        [
            (["frist"], r"such as \['first'\]. Received: 'frist'"),
            (["images"], "behind the input"),
            ([0], "the input layer images"),
            ([6], "indices below 6"),
            ([-7], "indices below 6"),
            ([1.0], "names and integers. Received: 1.0"),
            ([True], "names and integers. Received: True"),
            (["pool"], r"layer pool of shape \[\(None, 4\)\]"),
            ([], "at least one layer"),
            (lambda layer: False, "at least one layer"),
            ("first", "a predicate `layer -> bool`. Received: .*'first'"),
            (None, "Received: positions=None"),
        ],
    )
    def test_positions_that_do_not_exist(self, phi, positions, message):
        with pytest.raises(ValueError, match=message):
            mp_keras.perturb_model(insertions.named_network(), phi, positions)
