import numpy as np
import pytest
import tensorflow as tf

from pipeline.datasets import image_resizing


def _photos(side, channels=3):
    generator = np.random.default_rng(0)
    shape = (5, side, side, channels)
    return generator.integers(0, 256, shape, dtype=np.uint8)


class ResizeArrayTest:
    def test_halving_weighs_neighbours(self):
        images = np.zeros((1, 4, 4, 1), np.uint8)
        images[0, :, :2] = 80
        small = image_resizing.resize_array(images, 2)
        # A triangle of radius 2 around x = 1: columns 0, 1 and 2 weigh 3, 3
        # and 1 parts of 7, column 3 none.
        assert small[0, 0, :, 0].tolist() == [round(80 * 6 / 7), round(80 / 7)]

    def test_same_size_is_untouched(self):
        images = _photos(8)
        np.testing.assert_array_equal(
            image_resizing.resize_array(images, 8), images
        )

    def test_gray_becomes_three_equal_channels(self):
        gray = _photos(8, 1)
        for images in (gray, gray[..., 0]):
            colored = image_resizing.resize_array(images, 8)
            np.testing.assert_array_equal(colored, np.repeat(gray, 3, axis=3))

    def test_transparent_images_lie_on_white(self):
        images = _photos(8, 4)
        part = images[..., 3:] / 255
        expected = part * images[..., :3] + (1 - part) * 255
        colored = image_resizing.resize_array(images, 8)
        np.testing.assert_allclose(colored, expected, atol=0.501, rtol=0)
        images[..., 3] = 255  # opaque
        colored = image_resizing.resize_array(images, 8)
        np.testing.assert_array_equal(colored, images[..., :3])

    def test_two_channels_raise(self):
        with pytest.raises(ValueError, match="Received: 2"):
            image_resizing.resize_array(_photos(8, 2), 8)

    def test_chunks_do_not_matter(self, monkeypatch):
        images = _photos(8)
        whole = image_resizing.resize_array(images, 5)
        monkeypatch.setattr(image_resizing, "_CHUNK_PIXELS", 2 * 8 * 8)
        np.testing.assert_array_equal(
            image_resizing.resize_array(images, 5), whole
        )
        single = image_resizing.resize(tf.constant(images[:1]), 5)
        np.testing.assert_array_equal(single, whole[:1])

    def test_one_channel_is_the_luma(self):
        images = _photos(8)
        gray = image_resizing.resize_array(images, 8, channels=1)
        luma = images @ np.array([0.299, 0.587, 0.114])
        assert gray.shape == (5, 8, 8, 1)
        np.testing.assert_allclose(gray[..., 0], luma, rtol=0, atol=0.501)

    def test_gray_stays_to_the_bit_in_one_channel(self):
        gray = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
        for images in (gray, gray[..., 0], np.repeat(gray, 3, axis=3)):
            received = image_resizing.resize_array(images, 16, channels=1)
            np.testing.assert_array_equal(received, gray)
