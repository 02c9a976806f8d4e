"""What perturb_model copies of a network, and what it leaves as it is."""

import keras
import numpy as np
import pytest
from keras import layers

import mp_keras
from mp_keras import baselines
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

    def test_names_of_outputs_stay(self, phi):
        inputs = keras.Input((8, 8, 3))
        features = layers.Conv2D(4, 3, activation="relu")(inputs)
        heat = layers.Conv2D(1, 3, activation="relu", name="heat")(features)
        pooled = layers.GlobalAveragePooling2D()(features)
        outputs = [heat, layers.Dense(3, name="classes")(pooled)]
        model = keras.Model(inputs, outputs)
        perturbed = mp_keras.perturb_model(model, phi)
        assert perturbed.output_names == model.output_names
        insertions.switch_off(perturbed)
        for ours, theirs in zip(
            perturbed(insertions.images()), model(insertions.images())
        ):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)

    def test_lambdas_refer_to_what_they_did(self, phi):
        inputs = keras.Input((8, 8, 3))
        features = layers.Lambda(lambda x: np.float32(2) * x)(inputs)
        features = layers.Lambda(_thrice)(features)
        model = keras.Model(
            inputs, layers.Conv2D(4, 3, activation="relu")(features)
        )
        perturbed = mp_keras.perturb_model(model, phi)
        insertions.switch_off(perturbed)
        np.testing.assert_allclose(
            perturbed(insertions.images()),
            model(insertions.images()),
            atol=1e-6,
        )

    def test_a_class_of_lambdas_is_the_callers_own_code(self, phi):
        inputs = keras.Input((8, 8, 3))
        features = Named(lambda x: x / 2)(inputs)
        model = keras.Model(
            inputs, layers.Conv2D(4, 3, activation="relu")(features)
        )
        perturbed = mp_keras.perturb_model(model, phi)
        insertions.switch_off(perturbed)
        np.testing.assert_allclose(
            perturbed(insertions.images()),
            model(insertions.images()),
            atol=1e-6,
        )

    def test_an_activation_of_two_convolutions_stays_one(self, phi):
        shared = layers.PReLU(shared_axes=[1, 2])
        inputs = features = keras.Input((8, 8, 3))
        for _ in range(2):
            features = layers.Conv2D(4, 3, activation=shared)(features)
        model = keras.Model(inputs, features)
        model(insertions.images())  # makes the activation's weights
        for trainable in (True, False):
            shared.trainable = trainable
            perturbed = mp_keras.perturb_model(model, phi)
            count = len(perturbed.trainable_variables)
            assert count == len(model.trainable_variables)
            assert len(positions_of(perturbed)) == 2


class ModelClassTest:
    def test_arguments_of_the_class_are_kept(self, phi):
        plain = insertions.named_network()
        weighted = Weighted(plain.input, plain.output, weight=5.0)
        assert mp_keras.perturb_model(weighted, phi).weight == 5.0

    def test_class_that_calls_otherwise_is_no_graph(self, phi):
        plain = insertions.named_network()
        louder = Louder(plain.input, plain.output)
        with pytest.raises(ValueError, match="overrides call"):
            mp_keras.perturb_model(louder, phi)
        for function in (mp_keras.deterministic, temperature_of_two):
            with pytest.raises(ValueError, match="leaves `call` alone"):
                function(louder)
        with pytest.raises(ValueError, match="must be a functional"):
            baselines.manifold_mixup_model(louder)
        found = mp_keras.monte_carlo_predict(louder, insertions.images(), 1)
        logits = keras.ops.convert_to_numpy(louder(insertions.images()))
        expected = np.asarray(keras.ops.softmax(logits))
        np.testing.assert_allclose(found, expected, atol=1e-6)


class Named(layers.Lambda):
    """A kind of Lambda of its own."""


class Weighted(keras.Model):
    """Another loss, by an argument that is given by name alone."""

    def __init__(self, *args, weight=1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.weight = weight

    def compute_loss(self, *args, **kwargs):
        return self.weight * super().compute_loss(*args, **kwargs)


class Louder(keras.Model):
    """More than its graph."""

    def call(self, inputs, training=None):
        return 20 * super().call(inputs, training=training)


def _thrice(tensor):
    return 3 * tensor


def temperature_of_two(model):
    return mp_keras.fit_temperature(model, insertions.images(), [0, 1])
