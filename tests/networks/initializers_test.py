"""First values and batch norm like PyTorch's defaults."""

import numpy as np
import pytest

from mp_keras.networks import initializers


def first_values(layer, shape):
    layer.build(shape)
    return layer.get_weights()


def assert_uniform(array, limit):
    assert np.max(np.abs(array)) <= limit
    assert np.max(np.abs(array)) > 0.9 * limit
    np.testing.assert_allclose(array.std(), limit / np.sqrt(3), rtol=0.12)
    assert abs(array.mean()) < 0.12 * limit


class InitializersTest:
    @pytest.mark.parametrize(("inputs", "filters"), [(16, 128), (64, 32)])
    def test_convolution(self, inputs, filters):
        kernel, bias = first_values(
            initializers.convolution(filters, inputs), (None, 8, 8, inputs)
        )
        spread = np.sqrt(2 / (9 * filters))
        np.testing.assert_allclose(kernel.std(), spread, rtol=0.03)
        assert np.max(np.abs(kernel)) > 3 * spread  # not truncated at 2
        assert np.max(np.abs(bias)) <= 1 / np.sqrt(9 * inputs)

    def test_bias_of_a_convolution(self):
        layer = initializers.convolution(1000, 4)
        _, bias = first_values(layer, (None, 8, 8, 4))
        assert_uniform(bias, 1 / 6)

    def test_convolution_of_one_pixel(self):
        layer = initializers.convolution(500, 25, 2, size=1)
        kernel, bias = first_values(layer, (None, 8, 8, 25))
        assert kernel.shape == (1, 1, 25, 500)
        np.testing.assert_allclose(kernel.std(), np.sqrt(2 / 500), rtol=0.03)
        assert_uniform(bias, 0.2)

    def test_dense(self):
        layer = initializers.dense(500, 25)
        kernel, bias = first_values(layer, (None, 25))
        assert_uniform(kernel, 0.2)
        assert_uniform(bias, 0.2)

    @pytest.mark.parametrize(
        ("strides", "padding"), [(1, "same"), (2, "valid")]
    )
    def test_padding_and_bias(self, strides, padding):
        layer = initializers.convolution(4, 3, strides, bias=False)
        assert (layer.kernel_size, layer.strides) == ((3, 3), (strides,) * 2)
        assert (layer.padding, layer.use_bias) == (padding, False)

    def test_batch_norm(self):
        norm = initializers.batch_norm()
        assert (norm.momentum, norm.epsilon) == (0.9, 1e-5)
