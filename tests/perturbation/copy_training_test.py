"""The copy of perturb_model trains as the network would: flags, classes."""

import keras
import numpy as np
import pytest
from keras import layers

import mp_keras
from mp_keras.perturbation import MetaPerturbLayer
from mp_keras.perturbation import positions_of
from tests.perturbation import insertions
from tests.perturbation import network_zoo as zoo


def around_backbone():
    inputs = keras.Input((8, 8, 3))
    features = zoo.conv_norm_relu(inputs, 8)
    features = layers.GlobalAveragePooling2D()(features)
    backbone = keras.Model(inputs, features, name="backbone")
    inputs = keras.Input((8, 8, 3))
    outputs = layers.Dense(3, name="head")(backbone(inputs))
    return keras.Model(inputs, outputs)


def flags(model):
    return {
        layer.name: layer.trainable
        for layer in model._flatten_layers()
        if not isinstance(
            layer,
            layers.InputLayer
            | MetaPerturbLayer
            | mp_keras.PerturbationFunction,
        )
    }


def fit(model):
    model.compile("sgd", "mse")
    model.fit(insertions.images(), np.ones((2, 3)), verbose=0)


class TrainableTest:
    def test_every_flag_is_carried_over(self, phi):
        model = around_backbone()
        backbone = model.get_layer("backbone")
        backbone.trainable = False
        backbone.layers[1].trainable = True  # without effect inside
        expected = flags(model)
        assert set(expected.values()) == {True, False}
        assert flags(mp_keras.perturb_model(model, phi)) == expected

    def test_flag_over_layers_frozen_one_by_one(self, phi):
        model = around_backbone()
        backbone = model.get_layer("backbone")
        for layer in backbone.layers:
            layer.trainable = False
        assert backbone.trainable
        assert flags(mp_keras.perturb_model(model, phi)) == flags(model)

    def test_layers_inside_a_layer(self, phi):
        own = zoo.OwnBlock(8)
        model = zoo.chain(lambda x: zoo.conv_norm_relu(x, 8), own)
        own.convolution.trainable = False
        perturbed = mp_keras.perturb_model(model, phi)
        copy = perturbed.get_layer(own.name)
        assert copy.trainable and copy.norm.trainable
        assert not copy.convolution.trainable

    def test_head_first_then_all(self, phi):
        model = around_backbone()
        model.get_layer("backbone").trainable = False
        perturbed = mp_keras.perturb_model(model, phi)
        kernel = perturbed.get_layer("backbone").layers[1].kernel
        start = np.array(kernel)
        fit(perturbed)
        np.testing.assert_array_equal(kernel, start)
        numbers = positions_of(perturbed)[0].perturbation.values()
        perturbed.get_layer("backbone").trainable = True
        model.get_layer("backbone").trainable = True
        assert len(perturbed.trainable_variables) == len(
            model.trainable_variables
        )
        fit(perturbed)
        assert np.any(np.array(kernel) != start)
        (position,) = positions_of(perturbed)
        for name, array in position.perturbation.values().items():
            np.testing.assert_array_equal(array, numbers[name])

    def test_fit_trains_a_nested_model_called_in_test_form(self, phi):
        backbone = around_backbone().get_layer("backbone")
        inputs = keras.Input((8, 8, 3))
        features = backbone(inputs, training=False)
        model = keras.Model(inputs, layers.Dense(3)(features))
        perturbed = mp_keras.perturb_model(model, phi)
        (position,) = positions_of(perturbed)
        fit(perturbed)
        moved = keras.ops.convert_to_numpy(position.moving_mean)
        assert np.any(moved != 0)


class OwnTraining(keras.Model):
    steps = 0

    def train_step(self, *args):
        OwnTraining.steps += 1
        return super().train_step(*args)


class OwnConstructor(keras.Model):
    """Is not made of inputs and outputs; overrides nothing of training."""

    def __init__(self, channels):
        inputs = keras.Input((8, 8, 3))
        features = zoo.conv_norm_relu(inputs, channels)
        super().__init__(inputs, layers.Flatten()(features))


class OwnLoss(OwnConstructor):
    def compute_loss(self, *args, **kwargs):
        return 2 * super().compute_loss(*args, **kwargs)


class ModelClassTest:
    @pytest.mark.tensorflow_only  # on JAX, steps have another signature
    def test_class_made_of_a_graph_is_kept(self, phi):
        plain = around_backbone()
        model = OwnTraining(plain.input, plain.output)
        perturbed = mp_keras.perturb_model(model, phi)
        assert type(perturbed) is OwnTraining
        insertions.assert_same_network(model, perturbed, insertions.images())
        before = OwnTraining.steps
        perturbed.compile("sgd", "mse", run_eagerly=True)
        perturbed.fit(insertions.images(), np.ones((2, 3)), verbose=0)
        assert OwnTraining.steps == before + 1

    def test_class_that_overrides_nothing_becomes_a_plain_model(self, phi):
        model = OwnConstructor(4)
        perturbed = mp_keras.perturb_model(model, phi)
        assert not isinstance(perturbed, OwnConstructor)
        insertions.assert_same_network(model, perturbed, insertions.images())

    def test_class_whose_loss_would_be_lost_is_refused(self, phi):
        with pytest.raises(ValueError, match="OwnLoss, which overrides comp"):
            mp_keras.perturb_model(OwnLoss(4), phi)

    def test_class_with_a_call_of_its_own_is_refused(self, phi):
        class OwnCall(keras.Model):
            def call(self, inputs):
                return 2 * super().call(inputs)

        plain = around_backbone()
        with pytest.raises(ValueError, match="OwnCall, which overrides call"):
            mp_keras.perturb_model(OwnCall(plain.input, plain.output), phi)


class RegularizerTest:
    def test_activity_of_a_split_convolution(self, phi):
        inputs = keras.Input((8, 8, 3))
        regularizer = keras.regularizers.L1(1.0)
        features = layers.Conv2D(
            4, 3, activation="relu", activity_regularizer=regularizer
        )(inputs)
        model = keras.Model(inputs, layers.Flatten()(features))
        perturbed = mp_keras.perturb_model(model, phi)
        insertions.assert_same_network(model, perturbed, insertions.images())
        np.testing.assert_allclose(perturbed.losses, model.losses)

    def test_weights_of_a_wrapped_convolution(self, phi):
        inputs = keras.Input((8, 8, 3))
        convolution = layers.SpectralNormalization(
            layers.Conv2D(4, 3, activation="relu"), name="wrapped"
        )
        model = keras.Model(inputs, layers.Flatten()(convolution(inputs)))
        perturbed = mp_keras.perturb_model(model, phi)
        assert perturbed.get_layer("wrapped_activation")
        insertions.assert_same_network(model, perturbed, insertions.images())


class SpatialNormTest:
    def norms(self, inputs, features, phi):
        features = zoo.conv_norm_relu(features, 4)
        model = keras.Model(inputs, layers.Flatten()(features))
        perturbed = mp_keras.perturb_model(model, phi)
        return [norm for _, _, norm in insertions.names_and_norms(perturbed)]

    @pytest.mark.parametrize(
        ("before", "height"),
        [
            (lambda: layers.Resizing(20, 20), 20),
            (lambda: layers.UpSampling2D(2), 16),
            (lambda: layers.ZeroPadding2D(3), 14),  # a position, the highest
            (lambda: layers.Rescaling(2.0), 8),
        ],
    )
    def test_is_the_height_that_convolutions_see(self, phi, before, height):
        inputs = keras.Input((8, 8, 3))
        assert self.norms(inputs, before()(inputs), phi) == [height]

    def test_padding_is_no_image(self, phi):
        inputs = keras.Input((8, 8, 3))
        padded = layers.ZeroPadding2D(1)(inputs)
        features = layers.Conv2D(4, 3, activation="relu")(padded)
        model = keras.Model(inputs, layers.Flatten()(features))
        perturbed = mp_keras.perturb_model(model, phi)
        assert insertions.names_and_norms(perturbed)[0][2] == 8

    def test_no_position_is_higher(self, phi):
        inputs = keras.Input((8, 8, 3))
        features = layers.Conv2D(4, 3, padding="same", activation="relu")(
            inputs
        )
        features = layers.UpSampling2D(3)(features)
        assert self.norms(inputs, features, phi) == [24, 24]

    def test_resized_image_of_any_height(self, phi):
        inputs = keras.Input((None, None, 3))
        features = layers.Resizing(20, 20)(inputs)
        features = zoo.conv_norm_relu(features, 4)
        outputs = layers.Dense(2)(layers.GlobalAveragePooling2D()(features))
        perturbed = mp_keras.perturb_model(keras.Model(inputs, outputs), phi)
        assert insertions.names_and_norms(perturbed)[0][2] == 20
