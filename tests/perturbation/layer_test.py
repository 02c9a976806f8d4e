"""φ at one position: the layer's contract, saving and unknown shapes."""

import keras
import numpy as np
import pytest
from keras import layers

import mp_keras
from mp_keras.perturbation import positions_of
from tests.perturbation import examples


class ContractTest:
    @pytest.mark.parametrize("training", [False, True])
    @pytest.mark.parametrize("shape", [(2, 8, 8, 16), (3, 5, 7, 1)])
    def test_shape_and_type(self, training, shape):
        layer = examples.new_layer()
        outputs = layer(examples.feature_maps(*shape), training=training)
        assert outputs.shape == shape
        assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
        assert layer.compute_output_shape((None, *shape[1:])) == (
            None,
            *shape[1:],
        )

    def test_weight_counts(self):
        layer = examples.new_layer()
        layer.build((None, 8, 8, 16))
        assert layer.trainable_weights == []
        numbers = [np.prod(weight.shape) for weight in layer.weights]
        assert sum(numbers) == 82 + 2 * 4 * 16 + 1
        states = [v for v in layer.variables if "seed" in v.name]
        assert len(layer.variables) == len(layer.weights) + len(states)
        assert [state.shape for state in states] == [(2,)]

    def test_config_round_trip(self):
        layer = examples.new_layer(stochastic=False, seed=None, name="position")
        again = mp_keras.MetaPerturbLayer.from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
        assert again.seed == layer.seed

    def test_dict_of_values_is_taken_as_well(self):
        values = examples.random_phi().values()
        layer = mp_keras.MetaPerturbLayer(values)
        for name, array in layer.perturbation.values().items():
            np.testing.assert_array_equal(array, values[name])

    @pytest.mark.parametrize("name", ["channel_norm", "spatial_norm"])
    @pytest.mark.parametrize("norm", [0, -1, None])
    def test_norms_must_be_positive(self, name, norm):
        with pytest.raises(ValueError, match=f"`{name}` must be a positive"):
            examples.new_layer(**{name: norm})

    @pytest.mark.parametrize(
        "shape", [(2, 8, 16), (2, 8, 8, None), (2, 2, 8, 8, 16)]
    )
    def test_input_must_be_a_feature_map(self, shape):
        with pytest.raises(ValueError, match="with known channels"):
            examples.new_layer().build(shape)

    def test_a_name_is_no_perturbation(self):
        with pytest.raises(ValueError, match="load_perturbation.*'glyphs"):
            mp_keras.MetaPerturbLayer("glyphs_conv4")


class SavingTest:
    def test_clone_keeps_phi_and_noise(self):
        model = examples.small_network()
        clone = keras.models.clone_model(model)
        pairs = zip(positions_of(model), positions_of(clone))
        for ours, theirs in pairs:
            assert theirs is not ours
            for name, array in ours.perturbation.values().items():
                np.testing.assert_array_equal(
                    theirs.perturbation.values()[name], array
                )
        clone.set_weights(model.get_weights())
        inputs = examples.feature_maps(2, 8, 8, 3)
        for training in (True, False, True):
            np.testing.assert_array_equal(
                clone(inputs, training=training),
                model(inputs, training=training),
            )

    def test_saved_model_goes_on_as_before(self, tmp_path):
        model = examples.small_network()
        inputs = examples.feature_maps(4, 8, 8, 3)
        model(inputs, training=True)
        model.get_layer("late").noise_coefficient.assign(0.3)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        examples.restart_noise(model)
        for training in (False, True):
            np.testing.assert_array_equal(
                loaded(inputs, training=training),
                model(inputs, training=training),
            )


class UnknownShapesTest:
    @pytest.mark.tensorflow_only
    @pytest.mark.parametrize("training", [False, True])
    def test_traced_without_batch_height_and_width(self, training):
        phi = examples.random_phi()
        known, unknown = examples.new_layer(phi), examples.new_layer(phi)
        unknown.build((None, None, None, 3))

        tf = pytest.importorskip("tensorflow")

        @tf.function(
            input_signature=[tf.TensorSpec([None, None, None, 3], "float32")]
        )
        def traced(inputs):
            return unknown(inputs, training=training)

        for shape in ((2, 8, 6, 3), (3, 5, 9, 3)):
            inputs = examples.feature_maps(*shape)
            np.testing.assert_allclose(
                traced(inputs), known(inputs, training=training), atol=1e-6
            )
        np.testing.assert_allclose(
            unknown.moving_mean, known.moving_mean, atol=1e-7
        )

    def test_model_of_unknown_size(self):
        model, fixed = (
            examples.small_network(size=size) for size in (None, 12)
        )
        fixed.set_weights(model.get_weights())
        inputs = examples.feature_maps(2, 12, 12, 3)
        np.testing.assert_allclose(
            model.predict(inputs, verbose=0),
            fixed.predict(inputs, verbose=0),
            atol=1e-6,
        )


class PositionsTest:
    def test_order_is_that_of_the_layers_in_nested_models_too(self):
        inner = keras.Sequential(
            [examples.new_layer(name=name) for name in "bc"]
        )
        model = keras.Sequential(
            [
                keras.Input((8, 8, 4)),
                examples.new_layer(name="a"),
                keras.Sequential([inner, examples.new_layer(name="d")]),
                layers.ReLU(),
                inner,  # again: not counted twice
                examples.new_layer(name="e"),
            ]
        )
        found = positions_of(model)
        assert [position.name for position in found] == list("abcde")

    def test_plain_model_has_none(self):
        assert positions_of(mp_keras.networks.Conv4(2)) == []
