"""Layers found anywhere in a model, in order and once."""

import keras
from keras import layers

from mp_keras.graphs import layer_search


def is_dropout(layer):
    return isinstance(layer, layers.Dropout)


class FindLayersTest:
    def test_nested_models_are_searched_in_order(self):
        inner = keras.Sequential([layers.Dropout(0.2), layers.Dropout(0.3)])
        model = keras.Sequential(
            [keras.Input((4,)), layers.Dropout(0.1), inner, layers.Dropout(0.4)]
        )
        found = layer_search.find_layers(model, is_dropout)
        assert [layer.rate for layer in found] == [0.1, 0.2, 0.3, 0.4]

    def test_shared_layer_is_found_once(self):
        shared = layers.Dropout(0.5)
        inputs = keras.Input((4,))
        model = keras.Model(inputs, shared(layers.ReLU()(shared(inputs))))
        assert layer_search.find_layers(model, is_dropout) == [shared]

    def test_layer_itself_may_be_wanted(self):
        layer = layers.Dropout(0.5)
        assert layer_search.find_layers(layer, is_dropout) == [layer]
