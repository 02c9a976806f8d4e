"""TFDS builder of rendered letters, a source that needs no download.

Stands in for Tiny ImageNet where that cannot be had: about as many classes
(the paper's source has 200), whose images vary in font, place, size, slant
and colour. Everything is drawn with the fonts that matplotlib ships.

    outline = letter drawn once per font, its longest side 40 of 64 pixels
    image   = outline, warped at random and shrunk to 32x32
    image   = paper colour + image * (ink colour - paper colour)

The random numbers of an image are a function of (split, letter, index).
"""

import functools
import pathlib
import unicodedata

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

from pipeline.datasets.builders import ink

_DESCRIPTION = """\
Letters of the Latin, Greek and Cyrillic scripts, 32x32 pixels in colour, drawn
with the DejaVu and STIX fonts of matplotlib, each image rotated, sheared,
scaled, moved and coloured at random. No two classes look the same, not even
mirrored: "A" stands for Greek Alpha and Cyrillic A too.
"""

# Each letter has a glyph in at least 12 of the 16 fonts, and no two are alike:
# shrunk to 36 pixels and slightly blurred, the cosine similarity of one and the
# other, or of one and the other's mirror image (because training flips images),
# is at most 0.95 in every font and at most 0.9 on average (the test has the
# formula). Letters that failed against an earlier one were left out; earlier
# are the alphabets, then their common and rare extensions, then phonetic ones.
# A fixed list, so that labels do not move with matplotlib's fonts.
LETTERS = (
    "ABCDEGHIJKLMNPQRSTUVWXYZabefgkmnprty"
    "ΓΔΘΞΣΦΨΩαβδεζηιλμνξςστφω"
    "ДЖЛЦЧШЩЪЫЮьэ"
    "ÆÞßæðøþЂЉЊЋђћџ"
    "ŒƁƇƊƋƑƓƔƕƝƢƣƤƦƪƫƱƶƷƺƾƿǶȜȡȤȥȴȵȸȻȾȿɀɁ"
    "ϙϚϝϞϟϠϡ"
    "ѣѪѵҐғҕҖҘҚңҤҬҲҺӃӇӋӶ"
    "ɕɖɗɚɝɠɤɨɬɮɰɱɲɹɻɾʁʂʆʇʉʍʐʑʓʕʗʚʛʝʞʣʤʦʧʨʩʪʫʬʭʮ"
)

FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-BoldOblique",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSansMono-BoldOblique",
    "DejaVuSansMono-Oblique",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-BoldItalic",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralBolIta",
    "STIXGeneralItalic",
)

IMAGE_SIZE = 32
_CANVAS = 64
_LONGEST_SIDE = 40
_FONT_SIZE = 96
_SPLITS = {"train": 80, "test": 15}  # images of each class


def class_name(letter):
    """Returns a name such as "latin_capital_letter_a"."""
    return unicodedata.name(letter).lower().replace(" ", "_").replace("-", "_")


@functools.cache
def _load_font(name):
    """Returns the font and the set of code points that it really has.

    A font without a glyph draws a box in its place, which must not become the
    image of a class.
    """
    import matplotlib  # here: slow, and needed only to generate
    from matplotlib import ft2font

    folder = pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf")
    file = str(folder / f"{name}.ttf")
    glyphs = frozenset(ft2font.FT2Font(file).get_charmap())
    return ImageFont.truetype(file, _FONT_SIZE), glyphs


def draw_outlines(letter):
    """Draws a letter with every font that has it.

    Args:
        letter: Str, one character.

    Returns:
        Dict from font name to a PIL image, mode L, 64x64, white on black, the
        letter in the middle with its longest side 40 pixels.
    """
    outlines = {}
    for name in FONTS:
        font, glyphs = _load_font(name)
        if ord(letter) not in glyphs:
            continue
        side = 2 * _FONT_SIZE
        page = Image.new("L", (side, side))
        draw = ImageDraw.Draw(page)
        middle = (_FONT_SIZE, _FONT_SIZE)
        draw.text(middle, letter, font=font, fill=255, anchor="mm")
        outline = page.crop(page.getbbox())
        factor = _LONGEST_SIDE / max(outline.size)
        size = [max(1, round(length * factor)) for length in outline.size]
        outline = outline.resize(size, Image.Resampling.BOX)
        canvas = Image.new("L", (_CANVAS, _CANVAS))
        canvas.paste(outline, [(_CANVAS - length) // 2 for length in size])
        outlines[name] = canvas
    return outlines


def _warp(outline, generator):
    """Rotates, shears, scales and moves; returns float `(32, 32, 1)`."""
    angle = np.deg2rad(generator.uniform(-20, 20))
    shear = generator.uniform(-0.2, 0.2)
    scale_x, scale_y = np.exp(generator.uniform(np.log(0.7), np.log(1.15), 2))
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ [[1, shear], [0, 1]]
    matrix = matrix / [scale_x, scale_y]  # from the result to the outline
    center = np.full(2, _CANVAS / 2)
    offset = center - matrix @ (center + generator.uniform(-5, 5, 2))
    warped = outline.transform(
        outline.size,
        Image.Transform.AFFINE,
        (*matrix[0], offset[0], *matrix[1], offset[1]),
        resample=Image.Resampling.BILINEAR,
    )
    shrunk = warped.reduce(_CANVAS // IMAGE_SIZE)
    return np.asarray(shrunk, np.float32)[..., None] / 255


def render_image(outlines, seed):
    """Draws one image of a letter.

    Args:
        outlines: What `draw_outlines` returns.
        seed: Sequence of ints; the same seed gives the same image.

    Returns:
        PIL image, mode RGB, 32x32.
    """
    generator = np.random.default_rng(seed)
    font = sorted(outlines)[generator.integers(len(outlines))]
    share = _warp(outlines[font], generator)
    return Image.fromarray(ink.paint(share, generator))


class Glyphs(tfds.core.GeneratorBasedBuilder):
    """Rendered letters, 80 per class in "train" and 15 per class in "test".

    Features: `image`, uint8 `(32, 32, 3)`; `label`, named after the letter.
    """

    # TFDS 4.9.10 would need `importlib_resources`, which it does not install,
    # to find the folder of a checksum file that we do not have.
    code_path = None
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}

    def _info(self):
        names = [class_name(letter) for letter in LETTERS]
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(
                        shape=(IMAGE_SIZE, IMAGE_SIZE, 3),
                        encoding_format="png",
                    ),
                    "label": tfds.features.ClassLabel(names=names),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        return {
            split: self._generate_examples(number, count)
            for number, (split, count) in enumerate(_SPLITS.items())
        }

    def _generate_examples(self, split_number, images_per_class):
        for label, letter in enumerate(LETTERS):
            outlines = draw_outlines(letter)
            for index in range(images_per_class):
                seed = [split_number, ord(letter), index]
                image = render_image(outlines, seed)
                yield f"{label}_{index}", {"image": image, "label": label}
