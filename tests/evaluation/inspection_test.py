"""What is shown of φ is what φ does."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras.perturbation import positions_of
from tests import small_networks
from tests.perturbation import reference

SEED, COEFFICIENT = 5, 0.6


@pytest.fixture
def images():
    return small_networks.draw_images(3, 8, 8, 3)


def make_model(images, **arguments):
    """A network whose statistics and coefficient are not the first ones."""
    model = small_networks.make_network(**arguments)
    model(images, training=True)
    for position in positions_of(model):
        position.noise_coefficient.assign(COEFFICIENT)
    return model


class InspectPositionsTest:
    @pytest.mark.parametrize("noise_per", ["element", "channel"])
    def test_views_equal_the_reference(self, images, noise_per):
        phi = small_networks.random_phi(noise_per=noise_per)
        model = make_model(images, phi=phi)
        views = mp_keras.inspect_positions(model, images, SEED)
        assert [view.name for view in views] == ["position_0", "position_1"]
        for index, (view, position) in enumerate(
            zip(views, positions_of(model))
        ):
            rng = np.random.default_rng(SEED + index)
            shape = view.features.shape
            if noise_per == "channel":
                shape = (shape[0], 1, 1, shape[3])
            draws = rng.standard_normal(shape)
            statistics = position.moving_mean, position.moving_variance
            expected = reference.perturbed(
                position.perturbation.values(),
                view.features,
                draws,
                (6, 8, COEFFICIENT),
                statistics=[np.asarray(part) for part in statistics],
            )
            noise = np.logaddexp(0, expected["noise_mean"] + draws)
            assert view.noise_coefficient == pytest.approx(COEFFICIENT)
            for ours, theirs in (
                (view.scale, expected["scale"]),
                (view.noise, noise),
                (view.outputs, expected["output"]),
            ):
                np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)

    def test_features_and_scale_are_those_the_layers_use(self, images):
        model = make_model(images, stochastic=False)
        views = mp_keras.inspect_positions(model, images)
        for view, position in zip(views, positions_of(model)):
            probe = keras.Model(model.inputs, [position.input, position.output])
            features, outputs = probe(images, training=False)
            np.testing.assert_allclose(
                view.features, features, rtol=1e-5, atol=1e-6
            )
            mean = np.asarray(position.perturbation.noise_mean(features))
            noise_free = reference.expected_noise(mean)
            factor = 1 + COEFFICIENT * (view.scale * noise_free - 1)
            np.testing.assert_allclose(
                outputs, features * factor, rtol=1e-4, atol=1e-5
            )

    def test_model_stays_as_it_is(self, images):
        model = make_model(images)
        before = [variable.numpy() for variable in model.variables]
        mp_keras.inspect_positions(model, images)
        for variable, old in zip(model.variables, before):
            np.testing.assert_array_equal(variable, old, variable.path)

    def test_seed_decides_the_noise(self, images):
        model = make_model(images)
        first, again, other = (
            mp_keras.inspect_positions(model, images, seed)[0].noise
            for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, again)
        assert np.mean(first != other) > 0.99

    def test_one_position_is_a_list_of_one(self, images):
        inputs = keras.Input((8, 8, 3))
        outputs = mp_keras.MetaPerturbLayer(None, 3, 8, seed=0)(inputs)
        (view,) = mp_keras.inspect_positions(
            keras.Model(inputs, outputs), images
        )
        np.testing.assert_array_equal(view.features, images)

    def test_network_without_phi_has_no_views(self, images):
        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, keras.layers.ReLU()(inputs))
        assert mp_keras.inspect_positions(model, images) == []

    def test_nested_positions_are_refused(self, images):
        inner = small_networks.make_network()
        inputs = keras.Input((8, 8, 3))
        nested = keras.Model(inputs, inner(inputs))
        with pytest.raises(ValueError, match="not in a nested model"):
            mp_keras.inspect_positions(nested, images)
