"""Image files decoded here and from a store."""

import io
import struct

import fsspec
import numpy as np
import pytest
import tensorflow as tf
from absl import logging
from PIL import Image

from pipeline.datasets import image_files


@pytest.fixture
def image(tmp_path):
    """The path of a 3 x 5 image with random pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path / "a.png", pixels


def gray_tiff(bits, photometric):
    """Returns a white (or black) TIFF file of 4 x 4 pixels."""
    pixels = b"\xff" * (2 * bits)
    tags = {256: 4, 257: 4, 258: bits, 259: 1, 262: photometric}
    tags |= {273: 8, 277: 1, 278: 4, 279: len(pixels)}
    entries = (struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in tags)
    start = b"II*\0" + struct.pack("<I", 8 + len(pixels))
    count = struct.pack("<H", len(tags))
    return start + pixels + count + b"".join(entries) + bytes(4)


def deep_gray(values, file_format, **options):
    file = io.BytesIO()
    Image.fromarray(values).save(file, file_format, **options)
    return file.getvalue()


def deep_files(largest):
    """Returns files of 16 bits, named by what they are, with this value."""
    values = np.full((2, 3), largest, np.uint16)
    colored = np.zeros((2, 3, 4), np.uint16)
    colored[0, 0] = largest, 0, 0, 65535
    colored[0, 1] = 65535, 0, 0, 0  # bright, and not to be seen
    return {
        "gray PNG": deep_gray(values, "PNG"),
        "gray TIFF": deep_gray(values, "TIFF"),
        "gray PNG on white": deep_gray(values, "PNG", transparency=0),
        "RGB PNG": tf.io.encode_png(colored[:, [0], :3]).numpy(),
        "RGBA PNG": tf.io.encode_png(colored).numpy(),
    }


@pytest.fixture
def log(monkeypatch):
    """The lines that are logged, each once."""
    lines = []

    def log_first_n(level, text, count, *values):
        assert (level, count) == (logging.WARNING, 1)
        lines.append(text % values)

    monkeypatch.setattr(logging, "log_first_n", log_first_n)
    return lines


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

    @pytest.mark.parametrize("suffix", ["png", "tif"])
    @pytest.mark.parametrize("order", ["<", ">"])
    def test_sixteen_bits_keep_the_upper_eight(self, tmp_path, suffix, order):
        values = np.array([[0, 255, 256], [200 * 256 + 17, 65535, 4095]])
        file = tmp_path / f"a.{suffix}"
        Image.fromarray(values.astype(f"{order}u2")).save(file)
        np.testing.assert_array_equal(
            image_files.decode(file)[..., 1], values // 256
        )

    @pytest.mark.parametrize(
        ("dtype", "received"),
        [("f4", "floating-point.*'F'"), ("i4", "signed.*'I'")],
    )
    def test_values_that_would_be_cut_off_raise(
        self, tmp_path, dtype, received
    ):
        file = tmp_path / "deep.tif"
        Image.fromarray(np.full((2, 2), 0.5, dtype)).save(file)
        with pytest.raises(
            ValueError,
            match=f"deep.tif must be .*of at most 8 or of 16.*: {received}",
        ):
            image_files.decode(file)

    @pytest.mark.parametrize(
        ("bits", "photometric", "received"),
        [(12, 1, "12 bits"), (16, 0, "16 bits, of which 0 is white")],
    )
    def test_tiff_that_would_be_misread_raises(
        self, tmp_path, bits, photometric, received
    ):
        file = tmp_path / "raw.tif"
        file.write_bytes(gray_tiff(bits, photometric))
        with pytest.raises(ValueError, match=f"raw.tif must.*: {received}"):
            image_files.decode(file)

    def test_store_that_cannot_be_reached(self):
        with pytest.raises(ConnectionError, match="nowhere://a.png"):
            image_files.decode("nowhere://a.png")


class DarkTest:
    @pytest.mark.parametrize("kind", deep_files(0))
    @pytest.mark.parametrize(("largest", "bits"), [(4095, 12), (1023, 10)])
    def test_few_of_sixteen_bits_are_warned_of(self, kind, largest, bits, log):
        image_files.decode_bytes(deep_files(largest)[kind], "cell.x")
        (line,) = log
        assert line.startswith(f"cell.x: at most {bits} of its 16 bits")
        assert "nearly black" in line and "save them as 8 bits" in line

    @pytest.mark.parametrize("kind", deep_files(0))
    def test_all_of_them_are_not(self, kind, log):
        image_files.decode_bytes(deep_files(4096)[kind], "cell.x")
        assert log == []

    def test_black_gray_and_eight_bits_are_not(self, log):
        black = np.zeros((2, 3), np.uint16)
        for values in (black, black.astype(np.uint8) + 1):
            for kind in ("PNG", "TIFF"):
                image_files.decode_bytes(deep_gray(values, kind), "x")
        clear = tf.io.encode_png(np.zeros((2, 3, 4), np.uint16)).numpy()
        assert (image_files.decode_bytes(clear, "x") == 255).all()
        assert log == []


class PagesTest:
    def test_further_pages_of_a_tiff_file_are_warned_of(self, tmp_path, log):
        pages = [
            Image.new("RGB", (3, 2), color) for color in ("red", "lime", "blue")
        ]
        file = tmp_path / "stack.tif"
        pages[0].save(file)
        assert (image_files.decode(file) == (255, 0, 0)).all()
        assert log == []
        pages[0].save(file, save_all=True, append_images=pages[1:])
        assert (image_files.decode(file) == (255, 0, 0)).all()
        (line,) = log
        assert line.startswith(f"{file}: the first page is read")


class DecodeBytesTest:
    def test_bytes_are_those_of_the_file(self, image):
        path, pixels = image
        decoded = image_files.decode_bytes(path.read_bytes(), "some name")
        np.testing.assert_array_equal(decoded, pixels)

    def test_name_is_in_the_message(self):
        with pytest.raises(ValueError, match="some name must be a complete im"):
            image_files.decode_bytes(b"no image", "some name")
