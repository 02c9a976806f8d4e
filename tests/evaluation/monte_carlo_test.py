"""Monte Carlo prediction: repeatable, an average, and without traces."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras import baselines
from mp_keras import seeds
from mp_keras.perturbation import positions_of


def classifier(stochastic=True, perturbed=True, **output):
    norms = {"channel_norm": 6, "spatial_norm": 8, "stochastic": stochastic}
    inputs = keras.Input((8, 8, 3))
    features = inputs
    for index, channels in enumerate((4, 6)):
        features = keras.layers.Conv2D(channels, 3)(features)
        if perturbed:
            features = mp_keras.MetaPerturbLayer(seed=index, **norms)(features)
    features = keras.layers.Flatten()(features)
    outputs = keras.layers.Dense(3, **output)(features)
    return keras.Model(inputs, outputs)


def images(count=4):
    return np.random.default_rng(0).random((count, 8, 8, 3), dtype="float32")


def softmax(logits):
    powers = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


class MonteCarloPredictTest:
    def test_seed_repeats_and_changes_the_answer(self):
        model = classifier()
        first = mp_keras.monte_carlo_predict(model, images(), 3, seed=1)
        again = mp_keras.monte_carlo_predict(model, images(), 3, seed=1)
        other = mp_keras.monte_carlo_predict(model, images(), 3, seed=2)
        assert first.shape == (4, 3)
        assert first.dtype == "float32"
        np.testing.assert_allclose(first.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_array_equal(first, again)
        assert np.all(first != other)

    @pytest.mark.parametrize("samples", [1, 4])
    def test_is_the_mean_over_samples(self, samples):
        model = classifier()
        averaged = mp_keras.MonteCarloClassifier(model, samples)
        single = [
            np.array(averaged.sample(images(), 5, index))
            for index in range(samples)
        ]
        actual = mp_keras.monte_carlo_predict(model, images(), samples, seed=5)
        np.testing.assert_allclose(actual, np.mean(single, 0), rtol=1e-5)
        for other in single[1:]:
            assert np.any(other != single[0])

    def test_sample_is_a_pass_with_its_own_noise(self):
        model = classifier()
        sample = mp_keras.MonteCarloClassifier(model).sample(images(), 2, 3)
        for index, position in enumerate(positions_of(model)):
            first = 2 * 7919 + seeds.stream_offset(
                index
            )  # the stream of this seed and position
            position.seed_generator.state.assign([first, 3])
        np.testing.assert_allclose(
            sample, softmax(np.array(model(images()))), rtol=1e-5
        )

    def test_model_is_left_as_it_is(self):
        model = classifier()
        model(images(), training=True)
        before = [np.array(variable) for variable in model.variables]
        mp_keras.monte_carlo_predict(model, images(), 3)
        for variable, old in zip(model.variables, before):
            np.testing.assert_array_equal(variable, old)

    def test_plain_model_needs_one_pass(self):
        model = classifier(perturbed=False)
        assert mp_keras.MonteCarloClassifier(model, samples=30).samples == 1
        expected = softmax(model.predict(images(), verbose=0))
        actual = mp_keras.monte_carlo_predict(model, images())
        np.testing.assert_allclose(actual, expected, rtol=1e-5)

    def test_probabilities_are_averaged_as_they_are(self):
        model = classifier(stochastic=False, activation="softmax")
        expected = model.predict(images(), verbose=0)
        actual = mp_keras.monte_carlo_predict(
            model, images(), 3, from_logits=False
        )
        np.testing.assert_allclose(actual, expected, rtol=1e-5)

    def test_last_batch_may_be_smaller(self):
        model = classifier(stochastic=False)
        expected = softmax(model.predict(images(5), verbose=0))
        actual = mp_keras.monte_carlo_predict(model, images(5), 2, batch_size=2)
        np.testing.assert_allclose(actual, expected, rtol=1e-5)

    def test_batches_have_noise_of_their_own(self):
        same = np.repeat(images(1), 4, axis=0)
        actual = mp_keras.monte_carlo_predict(
            classifier(), same, 1, batch_size=2
        )
        assert len(np.unique(actual[:, 0])) == 4

    def test_nested_positions_are_found(self):
        inner = classifier()
        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, inner(inputs))
        np.testing.assert_array_equal(
            mp_keras.monte_carlo_predict(model, images(), 2),
            mp_keras.monte_carlo_predict(inner, images(), 2),
        )

    def test_images_must_be_a_batch(self):
        with pytest.raises(ValueError, match=r"Received: shape \(8, 8, 3\)"):
            mp_keras.monte_carlo_predict(classifier(), images()[0])

    @pytest.mark.parametrize("samples", [0, -1])
    def test_samples_must_be_positive(self, samples):
        with pytest.raises(ValueError, match="`samples` must be at least 1"):
            mp_keras.monte_carlo_predict(classifier(), images(), samples)

    @pytest.mark.parametrize("model", [keras.Sequential(), np.square])
    def test_model_must_be_built(self, model):
        with pytest.raises(ValueError, match="must be a built keras.Model"):
            mp_keras.monte_carlo_predict(model, images())

    def test_images_and_seed_must_be_there(self):
        with pytest.raises(ValueError, match="an example at least"):
            mp_keras.monte_carlo_predict(classifier(), images(0))
        with pytest.raises(ValueError, match="`seed` must be in"):
            mp_keras.monte_carlo_predict(classifier(), images(), seed=2**31)

    @pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
    @pytest.mark.parametrize("nested", [False, True])
    def test_probabilities_are_not_taken_for_logits(self, activation, nested):
        model = classifier(activation=activation)
        if nested:
            inputs = keras.Input((8, 8, 3))
            model = keras.Model(inputs, model(inputs))
        message = f"must end in logits.*{activation}"
        with pytest.raises(ValueError, match=message):
            mp_keras.monte_carlo_predict(model, images())
        with pytest.raises(ValueError, match=message):
            baselines.deep_ensemble([model, model])

    def test_a_softmax_layer_is_no_logits(self):
        model = keras.Sequential([classifier(), keras.layers.Softmax()])
        with pytest.raises(ValueError, match="ends in softmax"):
            mp_keras.monte_carlo_predict(model, images())

    @pytest.mark.parametrize(
        "layer",
        [
            keras.layers.Activation("linear", dtype="float32"),
            keras.layers.Reshape((3,)),
            lambda tensor: keras.layers.Average()([tensor, tensor]),
            lambda tensor: keras.ops.cast(tensor, "float64"),
        ],
        ids=["linear", "reshape", "average", "cast"],
    )
    def test_a_softmax_behind_which_nothing_is_done(self, layer):
        network = classifier(activation="softmax")
        model = keras.Model(network.input, layer(network.output))
        with pytest.raises(ValueError, match="ends in softmax"):
            mp_keras.monte_carlo_predict(model, images())
        network = classifier()
        model = keras.Model(network.input, layer(network.output))
        mp_keras.monte_carlo_predict(model, images(), 1)

    def test_one_logit_is_refused_at_any_output(self):
        inputs = keras.Input((8, 8, 3))
        flat = keras.layers.Flatten()(inputs)
        heads = [keras.layers.Dense(units)(flat) for units in (1, 3)]
        for outputs in (heads[0], heads):
            with pytest.raises(ValueError, match="two or more classes"):
                mp_keras.monte_carlo_predict(
                    keras.Model(inputs, outputs), images()
                )


def image_and_metadata(outputs):
    """A model of an image and 5 numbers; `outputs` of its two tensors."""
    inputs = {"images": keras.Input((8, 8, 3)), "numbers": keras.Input((5,))}
    features = keras.layers.Conv2D(4, 3)(inputs["images"])
    features = mp_keras.MetaPerturbLayer(
        channel_norm=4, spatial_norm=8, seed=0
    )(features)
    features = keras.layers.Flatten()(features)
    features = keras.layers.Concatenate()([features, inputs["numbers"]])
    logits = keras.layers.Dense(3)(features)
    share = keras.layers.Dense(1, activation="sigmoid")(features)
    return keras.Model(inputs, outputs(logits, share))


def both_inputs(count=4):
    numbers = np.random.default_rng(1).random((count, 5), dtype="float32")
    return {"images": images(count), "numbers": numbers}


class DictTest:
    def test_one_entry_is_taken_and_given_back(self):
        network = classifier()
        inputs = {"images": keras.Input((8, 8, 3), name="images")}
        model = keras.Model(inputs, {"kind": network(inputs["images"])})
        expected = mp_keras.monte_carlo_predict(network, images(), 3)
        found = mp_keras.monte_carlo_predict(
            model, {"images": images()}, 3, from_logits={"kind": True}
        )
        np.testing.assert_allclose(found["kind"], expected, atol=1e-6)

    def test_temperature_takes_it_too(self):
        inputs = {"images": keras.Input((8, 8, 3), name="images")}
        model = keras.Model(inputs, classifier()(inputs["images"]))
        asked = {"images": images()}
        fitted = mp_keras.fit_temperature(model, asked, np.arange(4) % 3, 2)
        assert fitted.predict(asked, verbose=0).shape == (4, 3)
        with pytest.raises(ValueError, match="a model that takes a dict"):
            mp_keras.deterministic(fitted, asked)


class SeveralInputsAndOutputsTest:
    @pytest.mark.parametrize("as_dict", [True, False])
    def test_each_output_is_averaged_by_its_kind(self, as_dict):
        flags = {"logits": True, "share": False}
        if as_dict:
            model = image_and_metadata(
                lambda logits, share: {"logits": logits, "share": share}
            )
        else:
            model = image_and_metadata(lambda logits, share: [logits, share])
            flags = list(flags.values())
        inputs = both_inputs()
        averaged = mp_keras.MonteCarloClassifier(model, 3, flags)
        tensors = keras.tree.map_structure(keras.ops.convert_to_tensor, inputs)
        single = [
            keras.tree.flatten(averaged.sample(tensors, 5, index))
            for index in range(3)
        ]
        found = mp_keras.monte_carlo_predict(model, inputs, 3, flags, seed=5)
        assert isinstance(found, dict if as_dict else list)
        for number, mean in enumerate(keras.tree.flatten(found)):
            samples = np.array([np.array(each[number]) for each in single])
            assert np.any(samples[0] != samples[1])
            np.testing.assert_allclose(mean, samples.mean(axis=0), rtol=1e-5)
        logits = keras.tree.flatten(found)[0]
        np.testing.assert_allclose(logits.sum(axis=1), 1, rtol=1e-6)

    def test_batches_take_examples_of_all_inputs(self):
        model = image_and_metadata(lambda logits, share: logits)
        (position,) = positions_of(model)
        position.noise_coefficient.assign(0.0)
        inputs = both_inputs(5)
        found = mp_keras.monte_carlo_predict(model, inputs, 2, batch_size=2)
        expected = softmax(model.predict(inputs, verbose=0))
        np.testing.assert_allclose(found, expected, rtol=1e-5)

    def test_flags_unlike_the_outputs(self):
        model = image_and_metadata(lambda logits, share: [logits, share])
        with pytest.raises(ValueError, match="like the model's outputs"):
            mp_keras.monte_carlo_predict(model, both_inputs(), 1, [True])
        with pytest.raises(ValueError, match="softmax of one is 1"):
            mp_keras.monte_carlo_predict(model, both_inputs(), 1)

    def test_unequal_numbers_of_examples(self):
        model = image_and_metadata(lambda logits, share: logits)
        inputs = both_inputs() | {"numbers": np.zeros((3, 5))}
        with pytest.raises(ValueError, match="equally many.*4, 8, 8, 3.*3, 5"):
            mp_keras.monte_carlo_predict(model, inputs, 1)
