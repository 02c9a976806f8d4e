import numpy as np
import pytest
from PIL import Image
from PIL import ImageFilter

from pipeline.datasets.builders import glyphs
from pipeline.datasets.sources.loading import load_images


@pytest.fixture(scope="module")
def outlines():
    return {letter: glyphs.draw_outlines(letter) for letter in glyphs.LETTERS}


def _shapes(drawn):
    """Blurred outlines of length 1; `(fonts, 36, 36)`, 0 for no glyph."""
    shapes = np.zeros((len(glyphs.FONTS), 36, 36))
    for row, name in enumerate(glyphs.FONTS):
        if name in drawn:
            letter = drawn[name].crop((10, 10, 54, 54))
            letter = letter.resize((36, 36), Image.Resampling.BOX)
            letter = letter.filter(ImageFilter.GaussianBlur(1))
            pixels = np.asarray(letter, np.float64)
            shapes[row] = pixels / np.linalg.norm(pixels)
    return shapes


class LettersTest:
    def test_no_two_letters_look_the_same(self, outlines):
        shapes = np.stack([_shapes(drawn) for drawn in outlines.values()], 1)
        flat = shapes.reshape(len(glyphs.FONTS), len(outlines), -1)
        mirrored = shapes[..., ::-1].reshape(flat.shape).transpose(0, 2, 1)
        alike = np.maximum(flat @ flat.transpose(0, 2, 1), flat @ mirrored)
        alike[:, np.eye(len(outlines), dtype=bool)] = 0
        fonts_of_both = np.maximum((alike > 0).sum(axis=0), 1)
        assert alike.max() <= 0.95
        assert (alike.sum(axis=0) / fonts_of_both).max() <= 0.9

    def test_letters_have_at_least_twelve_fonts(self, outlines):
        assert min(len(drawn) for drawn in outlines.values()) >= 12

    def test_letters_lie_within_the_canvas(self, outlines):
        for drawn in outlines.values():
            for outline in drawn.values():
                left, top, right, bottom = outline.getbbox()
                assert max(right - left, bottom - top) <= 40
                assert abs(left + right - 64) <= 2

    def test_names_are_unique(self):
        names = [glyphs.class_name(letter) for letter in glyphs.LETTERS]
        assert names[0] == "latin_capital_letter_a"
        assert len(set(names)) == len(names) == 188
        scripts = {name.split("_")[0] for name in names}
        assert scripts == {"latin", "greek", "cyrillic"}

    def test_missing_glyph_is_not_drawn(self):
        assert glyphs.draw_outlines("\u4e00") == {}


class RenderImageTest:
    def test_seed_decides_the_image(self, outlines):
        first = glyphs.render_image(outlines["A"], [0, 1, 2])
        again = glyphs.render_image(outlines["A"], [0, 1, 2])
        other = glyphs.render_image(outlines["A"], [0, 1, 3])
        assert first.tobytes() == again.tobytes() != other.tobytes()
        assert (first.size, first.mode) == ((32, 32), "RGB")

    def test_ink_stands_out(self, outlines):
        for index in range(50):
            image = glyphs.render_image(outlines["B"], [index])
            low, high = image.convert("L").getextrema()
            assert high - low > 40

    def test_upright_letter_keeps_its_shape(self, outlines):
        class Still:
            """Draws the middle of each range: no jitter but the scale."""

            def uniform(self, low, high, size=None):
                return np.full(size or (), (low + high) / 2)

        outline = outlines["A"]["DejaVuSans"]
        warped = glyphs._warp(outline, Still())[..., 0] * 255
        side = round(40 * np.sqrt(0.7 * 1.15))
        expected = Image.new("L", (64, 64))
        box = outline.getbbox()
        letter = outline.crop(box)
        size = [round(length * side / 40) for length in letter.size]
        letter = letter.resize(size, Image.Resampling.BILINEAR)
        expected.paste(letter, [(64 - length) // 2 for length in size])
        difference = abs(warped - np.asarray(expected.reduce(2), float))
        assert difference.mean() < 6


class GlyphsTest:
    def test_builder_makes_balanced_splits(self, tmp_path, monkeypatch):
        monkeypatch.setattr(glyphs, "_SPLITS", {"train": 3, "test": 2})
        monkeypatch.setattr(glyphs, "LETTERS", glyphs.LETTERS[:30])
        data = load_images("tfds:glyphs", image_size=32, data_dir=tmp_path)
        assert data.train_images.shape == (3 * 30, 32, 32, 3)
        assert np.bincount(data.train_labels).tolist() == [3] * 30
        assert np.bincount(data.test_labels).tolist() == [2] * 30
        assert data.class_names[0] == "latin_capital_letter_a"
        drawn = glyphs.render_image(glyphs.draw_outlines("A"), [0, ord("A"), 1])
        of_a = data.train_images[data.train_labels == 0]
        assert (of_a == np.asarray(drawn)).all(axis=(1, 2, 3)).sum() == 1
        everything = np.concatenate([data.train_images, data.test_images])
        assert len({image.tobytes() for image in everything}) == 5 * 30
