"""φ at one position against the NumPy reference on every backend."""

import keras
import numpy as np
import pytest

import mp_keras
from tests import gradients
from tests import small_networks
from tests.environments.backends import compiled
from tests.perturbation import reference

CASES = [  # shape, (channel_norm, spatial_norm, coefficient), spread
    ((6, 12, 12, 16), (64, 32, 0.7), 1.0),
    ((3, 5, 7, 1), (512, 84, 1.0), 1.0),
    ((2, 3, 3, 2), (16, 28, 0.9), 150.0),  # the clip at 100
]


class FixedNoise(mp_keras.MetaPerturbLayer):
    """The layer with the normal draws handed in."""

    eps = None

    def sample_noise(self, inputs, training=False):
        return keras.ops.convert_to_tensor(self.eps)


def make_case(shape, config, spread):
    """Returns layer, inputs and normal draws."""
    rng = np.random.default_rng(sum(shape))
    layer = FixedNoise(
        small_networks.random_phi(),
        channel_norm=config[0],
        spatial_norm=config[1],
    )
    layer.build(shape)
    layer.noise_coefficient.assign(config[2])
    inputs = (spread * rng.normal(size=shape)).astype("float32")
    layer.eps = rng.normal(size=shape).astype("float32")
    return layer, inputs, layer.eps


def assert_close(actual, expected):
    np.testing.assert_allclose(
        np.array(actual), expected, rtol=0, atol=1e-5 * np.abs(expected).max()
    )


@pytest.mark.parametrize(("shape", "config", "spread"), CASES)
class LayerParityTest:
    def test_training_form_and_moving_statistics(self, shape, config, spread):
        layer, h, eps = make_case(shape, config, spread)
        outputs = compiled.call(layer, h, training=True)
        expected = reference.perturbed(
            layer.perturbation.values(), h, eps, config
        )
        assert_close(outputs, expected["output"])
        assert_close(layer.moving_mean, expected["moving_mean"])
        assert_close(layer.moving_variance, expected["moving_variance"])

    def test_test_form(self, shape, config, spread):
        layer, h, eps = make_case(shape, config, spread)
        rng = np.random.default_rng(1)
        statistics = rng.uniform(0, 1, (2, shape[-1], 4)).astype("float32")
        layer.moving_mean.assign(statistics[0])
        layer.moving_variance.assign(statistics[1])
        expected = reference.perturbed(
            layer.perturbation.values(), h, eps, config, statistics=statistics
        )
        assert_close(layer(h), expected["output"])
        np.testing.assert_array_equal(layer.moving_mean, statistics[0])

    def test_gradient_of_the_features(self, shape, config, spread):
        layer, h, eps = make_case(shape, config, spread)
        upstream = np.random.default_rng(3).normal(size=shape)
        weights = keras.ops.convert_to_tensor(upstream, "float32")
        actual = gradients.gradient(
            lambda h: keras.ops.sum(layer(h, training=True) * weights), h
        )
        expected = reference.perturbed(
            layer.perturbation.values(), h, eps, config, upstream
        )
        assert_close(actual, expected["grad_inputs"])


@pytest.mark.parametrize(
    "variant",
    [{"use_scale": False}, {"use_noise": False}, {"all_branch": "sum"}],
)
def test_variants_of_phi(variant):
    """Each equals φ with other numbers, or a reference put together."""
    values = small_networks.random_phi().values()
    h = small_networks.draw_images(3, 8, 8, 4)
    layer = mp_keras.MetaPerturbLayer(
        values,
        channel_norm=16,
        spatial_norm=8,
        stochastic=False,
        variant=variant,
    )
    if "all_branch" in variant:
        for name in ("noise_all_1", "noise_all_2"):
            values[name] = values[name] * 4  # channels
    expected = reference.perturbed(values, h, None, (16, 8, 1.0))
    z = reference.expected_noise(expected["noise_mean"])
    scale = expected["scale"] if variant.get("use_scale", True) else 1
    noise = z if variant.get("use_noise", True) else 1
    assert_close(layer(h, training=True), h * scale * noise)
