"""Image files decoded here and from a store."""

import fsspec
import numpy as np
import pytest
from PIL import Image

from pipeline.datasets import image_files


@pytest.fixture
def image(tmp_path):
    """The path of a 3 x 5 image with random pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path / "a.png", pixels


class DecodeTest:
    def test_pixels_are_those_of_the_file(self, image):
        path, pixels = image
        np.testing.assert_array_equal(image_files.decode(path), pixels)

    def test_file_in_a_store(self, image):
        path, pixels = image
        uri = "memory://image_files_test/a.png"
        fsspec.filesystem("memory").pipe(uri, path.read_bytes())
        np.testing.assert_array_equal(image_files.decode(uri), pixels)

    def test_damaged_file_in_a_store_is_named(self, image):
        uri = "memory://image_files_test/cut.png"
        content = image[0].read_bytes()
        fsspec.filesystem("memory").pipe(uri, content[: len(content) // 2])
        with pytest.raises(ValueError, match=f"{uri} must be a complete image"):
            image_files.decode(uri)

    def test_store_that_cannot_be_reached(self):
        with pytest.raises(ConnectionError, match="nowhere://a.png"):
            image_files.decode("nowhere://a.png")


class DecodeBytesTest:
    def test_bytes_are_those_of_the_file(self, image):
        path, pixels = image
        decoded = image_files.decode_bytes(path.read_bytes(), "some name")
        np.testing.assert_array_equal(decoded, pixels)

    def test_name_is_in_the_message(self):
        with pytest.raises(ValueError, match="some name must be a complete im"):
            image_files.decode_bytes(b"no image", "some name")
