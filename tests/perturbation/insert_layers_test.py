"""insert_layers: any layer at the positions of any network."""

import keras
import numpy as np
import pytest
from keras import layers

import mp_keras
from mp_keras.perturbation import insertion
from mp_keras.perturbation import positions_of
from tests.perturbation import insertions


def make_dropout(index):
    return layers.Dropout(0.5, seed=index, name=f"dropout_at_{index}")


def dropouts(model):
    return [
        layer for layer in model.layers if isinstance(layer, layers.Dropout)
    ]


class InsertLayersTest:
    @pytest.mark.parametrize("positions", ["auto", "top"])
    def test_is_the_twin_of_perturb_model(self, positions, phi):
        def make_layer(index):
            return mp_keras.MetaPerturbLayer(
                phi, 64, 24, seed=7 + index, name=f"meta_perturb_{index}"
            )

        plain = mp_keras.networks.ResNet20(3, (24, 24, 3))
        ours = insertion.insert_layers(plain, make_layer, positions)
        perturbed = mp_keras.perturb_model(plain, phi, positions, seed=7)
        inputs = insertions.images(24)
        np.testing.assert_array_equal(
            ours(inputs, training=True), perturbed(inputs, training=True)
        )

    def test_weights_and_test_mode_are_those_of_the_network(self):
        plain = mp_keras.networks.Conv4(3, (16, 16, 3), channels=4)
        model = insertion.insert_layers(plain, make_dropout)
        assert [layer.seed for layer in dropouts(model)] == [0, 1, 2, 3]
        inputs = insertions.images(16)
        np.testing.assert_array_equal(model(inputs), plain(inputs))
        ours, theirs = (
            np.array(each(inputs, training=True)) for each in (model, plain)
        )
        assert np.any(ours != theirs)
        assert dropouts(plain) == []

    def test_named_layers_and_split_activations(self):
        model = insertions.named_network(activation="relu")
        copy = insertion.insert_layers(model, make_dropout, ["first"])
        assert [layer.name for layer in copy.layers[1:3]] == [
            "first",
            "dropout_at_0",
        ]
        model = keras.Model(model.input, model.get_layer("first").output)
        copy = insertion.insert_layers(model, make_dropout)
        assert [layer.name for layer in copy.layers[1:]] == [
            "first",
            "dropout_at_0",
            "first_activation",
        ]

    def test_unknown_sizes_are_no_hindrance(self):
        plain = mp_keras.networks.ResNet20(3, (None, None, 3))
        model = insertion.insert_layers(plain, make_dropout)
        assert len(dropouts(model)) == 9

    def test_network_with_phi_takes_further_layers(self, phi):
        perturbed = mp_keras.networks.ResNet20(3, (8, 8, 3), phi, seed=3)
        model = insertion.insert_layers(perturbed, make_dropout)
        assert len(positions_of(model)) == 9
        inputs = insertions.images(8)
        np.testing.assert_array_equal(model(inputs), perturbed(inputs))

    @pytest.mark.parametrize("other", [layers.Dropout(0.5), None, 0.5])
    def test_anything_but_a_function_is_refused(self, other):
        with pytest.raises(ValueError, match="`make_layer` must be a function"):
            insertion.insert_layers(insertions.named_network(), other)

    def test_function_without_a_layer_is_refused(self):
        with pytest.raises(ValueError, match="return a Keras layer.*'dropout'"):
            insertion.insert_layers(
                insertions.named_network(), lambda index: "dropout"
            )

    @pytest.mark.parametrize("model", [layers.ReLU(), keras.Sequential()])
    def test_models_without_a_graph_are_refused(self, model):
        with pytest.raises(ValueError, match="Argument `model` must be"):
            insertion.insert_layers(model, make_dropout)
