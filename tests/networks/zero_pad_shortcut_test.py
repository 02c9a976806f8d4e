"""The shortcut without parameters."""

import numpy as np
import pytest

import mp_keras


class ZeroPadShortcutTest:
    @pytest.mark.parametrize(
        ("shape", "channels", "strides"),
        [
            ((2, 8, 8, 4), 8, 2),
            ((2, 7, 5, 4), 9, 2),
            ((1, 6, 6, 3), 3, 2),
            ((1, 4, 4, 2), 6, 1),
        ],
    )
    def test_equals_slices_and_zeros(self, shape, channels, strides):
        images = np.random.default_rng(0).normal(size=shape)
        images = images.astype("float32")
        kept = images[:, ::strides, ::strides]
        before = (channels - shape[-1]) // 2
        expected = np.zeros((*kept.shape[:3], channels), "float32")
        expected[..., before : before + shape[-1]] = kept
        shortcut = mp_keras.networks.ZeroPadShortcut(channels, strides)
        np.testing.assert_array_equal(shortcut(images), expected)
        assert shortcut.compute_output_shape(shape) == expected.shape
        assert shortcut.weights == []

    def test_unknown_sizes_stay_unknown(self):
        shortcut = mp_keras.networks.ZeroPadShortcut(8)
        shape = shortcut.compute_output_shape((None, None, 9, 4))
        assert shape == (None, None, 5, 8)
