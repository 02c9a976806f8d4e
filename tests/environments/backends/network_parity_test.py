"""Whole networks with φ, without noise, against NumPy on every backend."""

import numpy as np
import pytest

import mp_keras
from mp_keras.perturbation import positions_of
from tests import small_networks
from tests.environments.backends import compiled
from tests.environments.backends import numpy_model
from tests.networks import examples

SIZE = 32  # height and width of the images in pixels
NETWORKS = {
    "Conv4": {"channels": 8},
    "ResNet20": {},
    "VGG9": {},
}


@pytest.fixture(scope="module", params=NETWORKS)
def model(request):
    """A network whose weights, of NumPy's, are the same on every backend."""
    make = getattr(mp_keras.networks, request.param)
    model = make(
        3,
        (SIZE, SIZE, 3),
        small_networks.random_phi(spread=0.1),
        stochastic=False,
        **NETWORKS[request.param],
    )
    rng = np.random.default_rng(2)
    for weight in model.trainable_weights:
        size = np.prod(weight.shape[:-1]) if len(weight.shape) > 1 else 100
        weight.assign(rng.normal(0, np.sqrt(2 / size), weight.shape))
    examples.randomize_batch_norms(model)
    return model


@pytest.fixture(scope="module")
def images():
    return small_networks.draw_images(4, SIZE, SIZE, 3)


def assert_close(actual, expected):
    expected = np.asarray(expected)
    np.testing.assert_allclose(
        np.array(actual), expected, rtol=0, atol=1e-5 * np.abs(expected).max()
    )


class NetworkParityTest:
    def test_test_form(self, model, images):
        expected, _ = numpy_model.outputs(model, images, training=False)
        assert_close(compiled.call(model, images, training=False), expected)

    def test_training_form_and_moving_statistics(self, model, images):
        for position in positions_of(model):
            shape = position.moving_mean.shape
            position.moving_mean.assign(np.zeros(shape))
            position.moving_variance.assign(np.ones(shape))
        expected, moved = numpy_model.outputs(model, images, training=True)
        assert_close(compiled.call(model, images, training=True), expected)
        assert len(moved) == len(positions_of(model)) > 3
        for position in positions_of(model):
            mean, variance = moved[position.name]
            assert_close(position.moving_mean, mean)
            assert_close(position.moving_variance, variance)
