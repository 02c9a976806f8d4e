"""Prediction and its metrics on every backend, against NumPy."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras import seeds
from mp_keras.perturbation import positions_of
from tests import small_networks

PHI = small_networks.random_phi()


@pytest.fixture(scope="module")
def model():
    model = small_networks.make_network()
    model(small_networks.draw_images(8, 8, 8, 3, seed=1), training=True)
    return model


@pytest.fixture(scope="module")
def images():
    return small_networks.draw_images(7, 8, 8, 3)


def keep(views, draws):
    views.append(np.array(draws))
    return draws


def softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


class MonteCarloTest:
    def test_is_the_mean_over_the_noise_of_all_samples(self, model, images):
        samples, seed = 4, 5
        actual = mp_keras.monte_carlo_predict(
            model, images, samples, batch_size=16, seed=seed
        )
        positions = positions_of(model)
        states = [position.seed_generator.state for position in positions]
        before = [np.array(state.value) for state in states]
        passes = []
        for sample in range(samples):
            for stream, state in enumerate(states):
                first = seed * 7919 + seeds.stream_offset(stream)
                state.assign([first, sample])
            passes.append(softmax(np.array(model(images), "float64")))
        for state, value in zip(states, before):
            state.assign(value)
        np.testing.assert_allclose(actual, np.mean(passes, 0), atol=1e-5)
        assert np.ptp(passes, axis=0).max() > 0.01

    def test_no_two_draws_are_the_same(self):
        """Of all positions and samples; some backends add seed and count."""
        inputs = features = keras.Input((4, 4, 2))
        for index in range(3):
            features = mp_keras.MetaPerturbLayer(
                {name: 0 * array for name, array in PHI.values().items()},
                channel_norm=2,
                spatial_norm=4,
                seed=index,
            )(features)
        model = keras.Model(inputs, features)
        views, noisy = [], mp_keras.MonteCarloClassifier(model)
        for position in positions_of(model):
            draw = position.sample_noise
            position.sample_noise = lambda *args, draw=draw: keep(
                views, draw(*args)
            )
        for sample in range(3):
            noisy.sample(np.ones((1, 4, 4, 2), "float32"), 0, sample)
        for _ in range(3):
            model(np.ones((1, 4, 4, 2), "float32"), training=True)
        assert len(views) == 18
        for draws in (views[:9], views[9:]):
            assert len({draw.tobytes() for draw in draws}) == 9

    def test_repeats_and_leaves_the_model(self, model, images):
        before = [np.array(variable.value) for variable in model.variables]
        answers = [
            mp_keras.monte_carlo_predict(model, images, 2, batch_size=4)
            for _ in range(2)
        ]
        np.testing.assert_array_equal(*answers)
        for variable, old in zip(model.variables, before):
            np.testing.assert_array_equal(np.array(variable.value), old)


class NormalizeTest:
    def test_pixels(self):
        pixels = np.array([[0, 51], [204, 255]], np.uint8)
        normalized = mp_keras.normalize(pixels)
        dtype = keras.backend.standardize_dtype(normalized.dtype)
        assert dtype == "float32"
        np.testing.assert_allclose(
            np.array(normalized), [[-1, -0.6], [0.6, 1]], rtol=1e-6
        )


class LossSurfaceTest:
    def test_linear_model_equals_numpy(self):
        inputs = keras.Input((2, 2, 1))
        logits = keras.layers.Dense(3)(keras.layers.Flatten()(inputs))
        model = keras.Model(inputs, logits)
        images = small_networks.draw_images(6, 2, 2, 1)
        labels = np.arange(6) % 3
        surface = mp_keras.loss_surface(
            model, images, labels, points=3, samples=1, batch_size=4
        )
        kernel, bias = model.get_weights()
        outputs = softmax(images.reshape(6, 4) @ kernel + bias)
        losses = -np.log(outputs[np.arange(6), labels])
        assert surface.losses[1, 1] == pytest.approx(losses.mean(), rel=1e-5)
        assert np.ptp(surface.losses) > 0.01
