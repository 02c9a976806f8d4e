"""Tests of mp_keras/meta_training/initial_weights.py."""

import keras
import numpy as np
import pytest
from keras import layers

import mp_keras
from mp_keras.meta_training import initial_weights
from tests import small_networks


class DrawTest:
    def test_is_what_a_new_network_would_begin_with(self):
        """The same distributions, weight by weight, from as many draws."""
        keras.utils.set_random_seed(0)
        network = mp_keras.networks.Conv4(5, (16, 16, 3))
        new = mp_keras.networks.Conv4(5, (16, 16, 3))
        drawn = initial_weights.draw(network)
        assert len(drawn) == len(network.trainable_variables)
        for values, variable in zip(drawn, new.trainable_variables):
            assert values.shape == variable.shape
            assert values.dtype == variable.dtype
            size = values.size
            spread = np.std(variable)
            # Five standard errors, of the mean and of the deviation.
            error = 5 * spread * np.sqrt(2 / size)
            assert abs(values.mean() - np.mean(variable)) <= error
            assert abs(values.std() - spread) <= max(error, 0.5 * spread)

    def test_follows_the_global_seed(self):
        network = small_networks.make_network()
        keras.utils.set_random_seed(4)
        first, other = (initial_weights.draw(network) for _ in "ab")
        keras.utils.set_random_seed(4)
        again = initial_weights.draw(network)
        kernels = [
            index
            for index, variable in enumerate(network.trainable_variables)
            if variable.name == "kernel"
        ]
        assert len(kernels) == 3
        for index in kernels:
            np.testing.assert_array_equal(first[index], again[index])
            assert np.all(first[index] != other[index])

    def test_leaves_the_network_as_it_is(self):
        network = small_networks.make_network()
        before = network.get_weights()
        initial_weights.draw(network)
        for old, new in zip(before, network.get_weights()):
            np.testing.assert_array_equal(old, new)

    def test_weights_inside_other_layers_are_found(self):
        inner = small_networks.make_network(batch_norm=False)
        inputs = keras.Input((8, 8, 3))
        outer = keras.Model(inputs, inner(inputs))
        shapes = [values.shape for values in initial_weights.draw(outer)]
        assert shapes == [tuple(v.shape) for v in outer.trainable_variables]

    def test_weights_that_cannot_be_drawn_raise(self):
        seeded = keras.initializers.GlorotUniform(seed=1)
        inputs = keras.Input((3,))
        dense = layers.Dense(2, kernel_initializer=seeded, name="answers")
        network = keras.Model(inputs, dense(inputs))
        message = "without a seed(.|\n)*answers/kernel"
        with pytest.raises(ValueError, match=message):
            initial_weights.draw(network)
        inputs = keras.Input((3,))
        network = keras.Model(inputs, _Offset(name="offset")(inputs))
        message = "`shift_initializer`(.|\n)*offset/shift"
        with pytest.raises(ValueError, match=message):
            initial_weights.draw(network)


class _Offset(layers.Layer):
    def build(self, input_shape):
        self.shift = self.add_weight(shape=input_shape[-1:], name="shift")

    def call(self, inputs):
        return inputs + self.shift
