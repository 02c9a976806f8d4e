"""Orientation and transparency: training and serving see the same image."""

import io
import struct

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies
from PIL import Image
from PIL import ImageOps

from mp_keras.export import image_file_reader
from mp_keras.export import upright
from pipeline.datasets import image_files
from pipeline.datasets import orientation
from pipeline.serving import other_formats

SHAPE = (6, 4, 3)  # of the images: no turn leaves them as they are
_GRAPH = tf.function(
    upright.orientation, input_signature=[tf.TensorSpec((), tf.string)]
)


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)


def tiff_block(order, entries, magic=42):
    """Returns the TIFF block of Exif entries (tag, type, count, value)."""
    sign = {"little": "<", "big": ">"}[order]
    block = {"little": b"II", "big": b"MM"}[order]
    block += struct.pack(f"{sign}HIH", magic, 8, len(entries))
    for tag, kind, count, value in entries:
        block += struct.pack(f"{sign}HHI", tag, kind, count)
        size = {3: "H", 8: "h", 1: "B", 6: "b"}.get(kind, "I")
        block += struct.pack(f"{sign}{size}", value).ljust(4, b"\0")
    return block + bytes(4)


def encoded(pixels, file_format, block=None, mode=None, **options):
    file = io.BytesIO()
    image = Image.fromarray(pixels, mode)
    if block is not None:
        options["exif"] = b"Exif\0\0" + block
    image.save(file, file_format, **options)
    return file.getvalue()


def served(content, channels=3):
    """Returns what an exported classifier reads, at the file's own size."""
    size = Image.open(io.BytesIO(content)).size
    if orientation.orientation(content) > 4:
        size = size[::-1]
    read = image_file_reader.reader((size[1], size[0], channels))
    return read(tf.constant([content]))[0].numpy()


class OrientationTest:
    @pytest.mark.parametrize("order", ["little", "big"])
    @pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
    @pytest.mark.parametrize("value", range(1, 9))
    def test_all_eight_are_turned_as_pillow_turns(
        self, pixels, value, file_format, order
    ):
        block = tiff_block(order, [(0x010F, 2, 1, 65), (0x0112, 3, 1, value)])
        content = encoded(pixels, file_format, block)
        with Image.open(io.BytesIO(content)) as image:
            expected = np.asarray(ImageOps.exif_transpose(image))
        np.testing.assert_array_equal(
            image_files.decode_bytes(content, "x"), expected
        )
        found = served(content)
        # A JPEG file's colours may differ by rounding between decoders.
        np.testing.assert_allclose(found, expected, atol=1, rtol=0)
        if file_format == "PNG":
            np.testing.assert_array_equal(found, expected)

    @pytest.mark.parametrize("file_format", ["WEBP", "TIFF"])
    @pytest.mark.parametrize("value", range(1, 9))
    def test_what_the_server_converts_is_turned_too(
        self, pixels, value, file_format
    ):
        options = {"WEBP": {"lossless": True}, "TIFF": {}}[file_format]
        block = tiff_block("big", [(0x0112, 3, 1, value)])
        content = encoded(pixels, file_format, block, **options)
        with Image.open(io.BytesIO(content)) as image:
            expected = np.asarray(ImageOps.exif_transpose(image))
        found = image_files.decode_bytes(content, "x")
        np.testing.assert_array_equal(found, expected)
        assert (found.shape == pixels.shape) == (value < 5)
        png = other_formats.readable(content)
        np.testing.assert_array_equal(served(png), expected)

    @pytest.mark.parametrize(
        "block", [b"", b"MM", b"no block", b"Exif\0\0MM\0*"]
    )
    def test_damaged_notes_of_webp_are_none(self, pixels, block):
        content = encoded(pixels, "WEBP", block, lossless=True)
        found = image_files.decode_bytes(content, "x")
        np.testing.assert_array_equal(found, pixels)

    def test_xmp_of_webp_does_not_count(self, pixels):
        xmp = b'<x tiff:Orientation="6"/>'
        content = encoded(pixels, "WEBP", xmp=xmp, lossless=True)
        assert image_files.decode_bytes(content, "x").shape == SHAPE

    @pytest.mark.parametrize(
        ("entries", "expected"),
        [
            ([], 1),
            ([(0x0112, 3, 1, 0)], 1),
            ([(0x0112, 3, 1, 9)], 1),
            ([(0x0112, 3, 2, 6)], 1),  # two values are none
            ([(0x0112, 4, 1, 6)], 6),  # a long integer
            ([(0x0112, 1, 1, 8)], 8),  # a byte
            ([(0x0112, 8, 1, 3)], 3),  # signed
            ([(0x0112, 2, 1, 6)], 1),  # text
            ([(0x0112, 3, 1, 3), (0x0112, 3, 1, 6)], 6),  # the last counts
        ],
    )
    @pytest.mark.parametrize("order", ["little", "big"])
    def test_odd_entries(self, pixels, entries, expected, order):
        content = encoded(pixels, "JPEG", tiff_block(order, entries))
        assert orientation.orientation(content) == expected
        assert _GRAPH(content) == expected

    def test_a_chunk_behind_the_pixels_counts(self, pixels):
        block = tiff_block("big", [(0x0112, 3, 1, 6)])
        with_chunk = encoded(pixels, "PNG", block)
        at = with_chunk.index(b"eXIf") - 4
        size = 12 + len(block)
        chunk = with_chunk[at : at + size]
        rest = with_chunk[:at] + with_chunk[at + size :]
        moved = rest[:-12] + chunk + rest[-12:]  # before IEND
        assert orientation.orientation(moved) == 6
        assert _GRAPH(moved) == 6

    def test_other_segments_come_before(self, pixels):
        block = tiff_block("little", [(0x0112, 3, 1, 8)])
        content = encoded(pixels, "JPEG", block)
        xmp = b"\xff\xe1" + struct.pack(">H", 22) + b"http://ns.adobe.com/"
        padded = content[:2] + xmp + b"\xff\xff" + content[2:]
        assert orientation.orientation(padded) == 8
        assert _GRAPH(padded) == 8

    def test_xmp_and_text_do_not_count(self, pixels):
        xmp = b'<x tiff:Orientation="6"/>'
        content = encoded(pixels, "JPEG", xmp=xmp)
        assert orientation.orientation(content) == 1
        assert image_files.decode_bytes(content, "x").shape == SHAPE

    @hypothesis.settings(max_examples=150, deadline=None)
    @hypothesis.given(strategies.data())
    def test_damaged_files_are_read_alike(self, data):
        values = np.random.default_rng(1).integers(0, 256, SHAPE, np.uint8)
        file_format = data.draw(strategies.sampled_from(["JPEG", "PNG"]))
        order = data.draw(strategies.sampled_from(["little", "big"]))
        entries = [(0x0100, 3, 1, 1), (0x0112, 3, 1, 6), (0x0113, 3, 1, 1)]
        content = bytearray(
            encoded(values, file_format, tiff_block(order, entries))
        )
        for _ in range(data.draw(strategies.integers(0, 4))):
            at = data.draw(strategies.integers(2, min(120, len(content) - 1)))
            content[at] = data.draw(strategies.integers(0, 255))
        content = bytes(content[: data.draw(strategies.integers(2, 400))])
        assert _GRAPH(content) == orientation.orientation(content)


def transparent_files():
    random = np.random.default_rng(2)
    rgba = random.integers(0, 256, (5, 7, 4), np.uint8)
    rgba[0, :2, 3] = 0, 255
    gray = rgba[..., 0]
    palette = Image.fromarray(rgba[..., :3]).convert("P")
    file = io.BytesIO()
    palette.save(file, "PNG", transparency=palette.getpixel((0, 0)))
    deep = io.BytesIO()
    values = random.integers(0, 2**16, (5, 7)).astype(np.uint16)
    Image.fromarray(values).save(deep, "PNG", transparency=int(values[1, 1]))
    plain = encoded(rgba, "BMP")
    masks = b"".join(
        struct.pack("<I", 255 << shift) for shift in (16, 8, 0, 24)
    )
    head = plain[:10] + struct.pack("<I", 14 + 108) + struct.pack("<I", 108)
    head += plain[18:30] + struct.pack("<I", 3) + plain[34:54]
    return {
        "RGBA": encoded(rgba, "PNG"),
        "LA": encoded(rgba[..., [0, 3]], "PNG"),
        "palette": file.getvalue(),
        "one gray": encoded(gray, "PNG", transparency=int(gray[0, 0])),
        "one colour": encoded(
            rgba[..., :3].copy(),
            "PNG",
            transparency=tuple(int(value) for value in rgba[0, 0, :3]),
        ),
        "16 bits": deep.getvalue(),
        "BMP": head + masks + bytes(108 - 56) + plain[54:],
    }


TRANSPARENT = transparent_files()


class TransparencyTest:
    @pytest.mark.parametrize("kind", TRANSPARENT)
    def test_lies_on_white_in_training_and_serving(self, kind):
        content = TRANSPARENT[kind]
        found = image_files.decode_bytes(content, kind)
        np.testing.assert_array_equal(served(content), found)
        if kind == "16 bits":
            assert (found[1, 1] == 255).all()
            return
        with Image.open(io.BytesIO(content)) as image:
            rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        expected = np.asarray(Image.alpha_composite(white, rgba))[..., :3]
        np.testing.assert_allclose(found, expected, atol=1, rtol=0)
        assert (np.asarray(rgba)[..., 3] < 255).any()

    def test_what_is_behind_opaque_bmp_pixels_is_nothing(self):
        rgba = np.full((4, 4, 4), 7, np.uint8)  # an unused byte, not alpha
        content = encoded(rgba, "BMP")
        assert (image_files.decode_bytes(content, "x") == 7).all()
        assert (served(content) == 7).all()

    @pytest.mark.parametrize("kind", [*TRANSPARENT, "JPEG", "BMP plain"])
    def test_one_channel_is_the_luma_of_the_same(self, kind, pixels):
        content = TRANSPARENT.get(kind)
        if content is None:
            content = encoded(pixels, kind.split()[0])
        colored = image_files.decode_bytes(content, kind)
        luma = colored @ np.array([0.299, 0.587, 0.114])
        atol = 1.6 if kind == "JPEG" else 0.501
        np.testing.assert_allclose(
            served(content, 1)[..., 0], luma, atol=atol, rtol=0
        )
