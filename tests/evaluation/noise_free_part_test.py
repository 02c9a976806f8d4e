import keras
import numpy as np
import pytest
from keras import layers

import mp_keras
from mp_keras.evaluation import noise_free_part

IMAGES = np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype("float32")


def is_noisy(layer):
    return getattr(layer, "noisy_in_test", False)


def position(**options):
    options = {"channel_norm": 4, "spatial_norm": 8, "seed": 0, **options}
    return mp_keras.MetaPerturbLayer(None, **options)


def network(shape=(8, 8, 3)):
    """The skip connection and the first two convolutions are noise-free."""
    inputs = keras.Input(shape)
    stem = layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    inner = layers.Conv2D(4, 3, padding="same", name="inner")(stem)
    noisy = position(name="position", stochastic=False)
    noisy.noisy_in_test_for_the_test = True
    outputs = layers.Add()([noisy(inner), stem])
    outputs = layers.GlobalAveragePooling2D()(outputs)
    return keras.Model(inputs, layers.Dense(5)(outputs))


def is_marked(layer):
    return hasattr(layer, "noisy_in_test_for_the_test")


class SplitTest:
    def test_parts_in_turn_are_the_network(self):
        model = network()
        before, after = noise_free_part.split(model, is_marked)
        np.testing.assert_allclose(
            after(before(IMAGES)), model(IMAGES), rtol=1e-6, atol=1e-6
        )

    def test_parts_divide_the_layers(self):
        before, after = noise_free_part.split(network(), is_marked)
        names = {layer.name for layer in before.layers}
        assert {"stem", "inner"} <= names
        assert not names & {layer.name for layer in after.layers}
        assert len(before.outputs) == 2  # the skip connection as well

    def test_weights_are_those_of_the_network(self):
        model = network()
        parts = noise_free_part.split(model, is_marked)
        shared = {id(v) for part in parts for v in part.variables}
        assert shared == {id(v) for v in model.variables}

    def test_nested_model_is_noisy_as_a_whole(self):
        inner = network((8, 8, 4))
        inputs = keras.Input((8, 8, 3))
        features = layers.Conv2D(4, 1, name="outer")(inputs)
        model = keras.Model(inputs, inner(features))
        before, after = noise_free_part.split(model, is_marked)
        assert [layer.name for layer in before.layers][1:] == ["outer"]
        np.testing.assert_allclose(
            after(before(IMAGES)), model(IMAGES), rtol=1e-6, atol=1e-6
        )

    def test_sequential_model_is_split(self):
        noisy = position()
        model = keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                layers.Conv2D(4, 3),
                noisy,
                layers.GlobalAveragePooling2D(),
            ]
        )
        before, after = noise_free_part.split(model, is_noisy)
        assert noisy in after.layers and noisy not in before.layers

    @pytest.mark.parametrize("noise", ["none", "first"])
    def test_nothing_to_share_leaves_the_model(self, noise):
        inputs = keras.Input((8, 8, 3))
        features = inputs if noise == "none" else position()(inputs)
        outputs = layers.GlobalAveragePooling2D()(features)
        model = keras.Model(inputs, outputs)
        assert noise_free_part.split(model, is_noisy) == (None, model)

    def test_subclassed_model_is_left_as_it_is(self):
        class Subclassed(keras.Model):
            def call(self, inputs):
                return inputs

        model = Subclassed()
        assert noise_free_part.split(model, is_noisy) == (None, model)
