import io

import numpy as np
import pytest
from PIL import Image

from pipeline.datasets.builders import jpeg_images
from tests.datasets import fakes


def _decode(encoded):
    return np.asarray(Image.open(io.BytesIO(encoded))).astype(int)


class ToColorTest:
    def test_colour_is_kept_to_the_bit(self):
        encoded = fakes.draw_jpeg(0)
        assert jpeg_images.to_color("x", encoded, size=(12, 30)) == encoded

    def test_gray_gets_three_equal_channels(self):
        encoded = fakes.draw_jpeg(0, mode="L")
        gray, colored = _decode(encoded), jpeg_images.to_color("x", encoded)
        assert _decode(colored).shape == (30, 12, 3)
        assert abs(_decode(colored) - gray[..., None]).max() <= 3

    def test_rows_below_are_cut_off(self):
        pixels = np.full((40, 24, 3), 200, np.uint8)
        pixels[20:] = 0  # the banner
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=100, subsampling=0)
        cut = jpeg_images.to_color("x", buffer.getvalue(), cut_bottom=20)
        assert _decode(cut).shape == (20, 24, 3)
        assert _decode(cut)[:16].min() >= 198  # a block from the banner's edge

    @pytest.mark.parametrize(
        ("encoded", "options", "message"),
        [
            (b"no image", {}, "x must be a complete JPEG image. Rec"),
            (fakes.draw_jpeg(0)[:-200], {}, "[Tt]runcated"),
            (fakes.draw_jpeg(0), {"size": (8, 9)}, r"8x9 pixels.*\(12, 30\)"),
            (fakes.draw_jpeg(0), {"cut_bottom": 30}, "than 30 rows.* of 30 "),
        ],
    )
    def test_wrong_file_raises(self, encoded, options, message):
        with pytest.raises(ValueError, match=message):
            jpeg_images.to_color("x", encoded, **options)

    def test_other_format_raises(self):
        buffer = io.BytesIO()
        Image.new("RGB", (4, 4)).save(buffer, "PNG")
        with pytest.raises(ValueError, match=r"PNG of size \(4, 4\)"):
            jpeg_images.to_color("x", buffer.getvalue())
