"""Image files, damaged, and headers that lie about what follows."""

import io

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies
from PIL import Image

from pipeline.datasets import image_files
from tests.hostile import child
from tests.hostile import good_files
from tests.hostile import payloads

EPS = f"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 8 8
({child.EXECUTED}) (w) file closefile
showpage
%%EOF
"""
PIXELS = np.zeros((8, 8, 3), np.uint8)


def encode(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


class PictureTest:
    @pytest.mark.parametrize("kind", good_files.IMAGE_FORMATS)
    def test_damaged_files(self, prepare, read_damaged, kind, seed, times):
        prepare("picture", kind)
        counts = read_damaged("picture", "picture", seed, times)
        if kind == "PNG":  # the others have no checksums
            assert not counts["other"]

    def test_headers_that_lie(self, prepare, refuse):
        prepare("picture", "PNG")
        good = {k: good_files.encode(k) for k in ("BMP", "GIF", "JPEG")}
        sizes = {"square": (60_000, 60_000), "empty": (0, 0)}
        found = refuse(
            "picture",
            "picture",
            {
                f"{kind} {name}": payloads.with_size(kind, content, *size)
                for kind, content in good.items()
                for name, size in sizes.items()
            }
            | {
                "PNG square": payloads.png(100_000, 100_000),
                "PNG long": payloads.png(2**31 - 1, 1),
                "PNG empty": payloads.png(0, 0),
                "PNG without rows": payloads.png(8192, 8192),
                "BMP negative": payloads.with_size(
                    "BMP", good["BMP"], 8, -(2**31)
                ),
            },
        )
        assert "(10000000000 pixels) exceeds" in found["PNG square"]
        assert "8192" not in found["PNG without rows"]

    def test_bomb_of_true_size(self, prepare, refuse):
        prepare("picture", "PNG")
        image = Image.new("1", (20_000, 20_000))
        bomb = encode(image, "PNG")
        assert len(bomb) < 10**5
        found = refuse("picture", "picture", {"bomb": bomb})
        assert "(400000000 pixels) exceeds" in found["bomb"]
        bomb = encode(Image.new("1", (9_000, 9_000)), "PNG")
        found = refuse("picture", "picture", {"bomb": bomb})
        assert "9000 x 9000 pixels, where 67108864" in found["bomb"]

    @pytest.mark.long
    def test_largest_image_stays_below_the_memory_limit(self, prepare, work):
        good = prepare("picture", "PNG")
        content = encode(Image.new("1", (8192, 8192)), "PNG")
        case = child.Case("largest", "picture", content)
        (outcome,) = child.read("picture", good, [case], work)
        assert outcome.value[0] == (8192, 8192, 3)

    def test_programs_are_not_images(self, prepare, refuse):
        prepare("picture", "PNG")
        refuse(
            "picture",
            "picture",
            {
                "EPS": EPS.encode(),
                "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
                "PDF": b"%PDF-1.4\n",
                "PPM": b"P6\n8 8\n255\n" + bytes(192),
            },
        )

    @pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF", "WEBP"])
    def test_animation_is_its_first_picture(self, kind):
        pictures = [Image.fromarray(PIXELS + 200 * i) for i in (0, 1, 1)]
        options = {"save_all": True, "append_images": pictures[1:]}
        content = encode(pictures[0], kind, **options)
        pixels = image_files.decode_bytes(content, kind)
        np.testing.assert_array_equal(pixels, PIXELS)

    def test_suffix_does_not_matter(self, tmp_path):
        content = encode(Image.fromarray(PIXELS), "BMP")
        (tmp_path / "a.png").write_bytes(content)
        pixels = image_files.decode(tmp_path / "a.png")
        np.testing.assert_array_equal(pixels, PIXELS)

    @hypothesis.given(
        strategies.sampled_from(good_files.IMAGE_FORMATS),
        strategies.binary(min_size=1, max_size=300),
    )
    def test_any_bytes_after_a_header(self, kind, content):
        start = good_files.encode(kind)[: len(content) // 8 + 2]
        try:
            pixels = image_files.decode_bytes(start + content, "any name")
        except ValueError as error:
            assert "any name must be a complete image" in str(error)
        else:
            assert pixels.dtype == np.uint8 and pixels.shape[2] == 3


class ImageFolderTest:
    def test_damaged_files(self, prepare, read_damaged, seed, times):
        prepare("images")
        counts = read_damaged("image folder", "images", seed, times)
        assert not counts["other"]


class JpegTest:
    def test_damaged_files(self, prepare, read_damaged, seed, times):
        prepare("picture", "JPEG")
        counts = read_damaged("jpeg", "jpeg", seed, times)
        assert counts["refused"]

    def test_headers_that_lie(self, prepare, refuse):
        prepare("picture", "JPEG")
        content = good_files.encode("JPEG")
        large = payloads.with_size("JPEG", content, 60_000, 60_000)
        other = {"PNG": payloads.png(8, 8), "EPS": EPS.encode()}
        refuse("jpeg", "picture", {"large": large, **other})
