"""What perturb_model copies of a network, and what it leaves as it is."""

import keras
import numpy as np
from keras import layers

import mp_keras
from mp_keras.perturbation import positions_of
from tests.perturbation import insertions


class ModelCopyTest:
    def test_the_network_is_left_as_it_is(self, phi):
        model = insertions.named_network()
        config, weights = model.get_config(), model.get_weights()
        calls = [
            (len(layer._inbound_nodes), len(layer._outbound_nodes))
            for layer in model.layers
        ]
        perturbed = mp_keras.perturb_model(model, phi)
        perturbed.compile("sgd", "mse")
        perturbed.fit(insertions.images(), np.ones((2, 2)), verbose=0)
        assert model.get_config() == config
        for now, before in zip(model.get_weights(), weights):
            np.testing.assert_array_equal(now, before)
        assert calls == [
            (len(layer._inbound_nodes), len(layer._outbound_nodes))
            for layer in model.layers
        ]

    def test_trained_state_is_carried_over(self, phi):
        model = insertions.named_network()
        model.compile("sgd", "mse")
        model.fit(insertions.images(), np.ones((2, 2)), verbose=0)
        perturbed = mp_keras.perturb_model(model, phi)
        for layer in model.layers:
            copies = perturbed.get_layer(layer.name).get_weights()
            for copy, original in zip(copies, layer.get_weights()):
                np.testing.assert_array_equal(copy, original)
        moved = perturbed.get_layer("norm").moving_variance
        assert np.any(keras.ops.convert_to_numpy(moved) != 1)
        assert not perturbed.compiled
        for position in positions_of(perturbed):
            values = position.perturbation.values()
            for name, array in phi.values().items():
                np.testing.assert_array_equal(values[name], array)

    def test_layers_with_state_of_their_own_kind(self, phi):
        adapted = layers.Normalization(axis=-1)
        adapted.adapt(10 * insertions.images(count=4))
        inputs = keras.Input((8, 8, 3))
        features = layers.Lambda(lambda x: x / 2)(adapted(inputs))
        features = layers.Conv2D(4, 3)(layers.Dropout(0.5)(features))
        features = layers.ReLU()(features)
        model = keras.Model({"images": inputs}, {"features": features})
        perturbed = mp_keras.perturb_model(model, phi)
        insertions.switch_off(perturbed)
        inputs = {"images": insertions.images()}
        np.testing.assert_array_equal(
            perturbed(inputs)["features"], model(inputs)["features"]
        )

    def test_mixed_precision_is_kept(self, phi):
        with_policy = keras.dtype_policies.DTypePolicy("mixed_bfloat16")
        model = insertions.named_network(dtype=with_policy)
        perturbed = mp_keras.perturb_model(model, phi, ["first"])
        assert perturbed.get_layer("first").compute_dtype == "bfloat16"
        insertions.assert_same_network(model, perturbed, insertions.images())
