"""What the tests of few-shot data share."""

import io

import numpy as np
from PIL import Image

from pipeline.datasets.few_shot import ClassImages


def numbered_classes(classes, examples, side=2):
    """Images that show their numbers, class by class: at most 65,536."""
    total = np.arange(classes * examples)
    pixels = np.stack([total // 256, total % 256], axis=1).astype(np.uint8)
    images = np.zeros((len(total), side, side, 1), np.uint8)
    images[:, 0, :2, 0] = pixels
    names = tuple(f"class {label}" for label in range(classes))
    return ClassImages(images, np.repeat(np.arange(classes), examples), names)


def numbers(images):
    """Returns the numbers of `numbered_classes` images, (...,) ints.

    Args:
        images: `(..., height, width, 1)`, uint8 or float in [0, 1].
    """
    images = np.asarray(images)
    if images.dtype != np.uint8:
        images = np.round(images * 255)
    pixels = images[..., 0, :2, 0].astype(int)
    return pixels[..., 0] * 256 + pixels[..., 1]


def draw_ink(seed, side=15):
    """Returns the bytes of a 1-bit PNG: random black strokes on white."""
    strokes = np.random.default_rng(seed).random((side, side)) < 0.3
    buffer = io.BytesIO()
    Image.fromarray(~strokes).save(buffer, "PNG")
    return buffer.getvalue()


def omniglot_files(name, alphabets, drawers, side=15):
    """Returns an Omniglot set in miniature, `{file name: bytes}`.

    Args:
        name: Str, the name of the set and of its folder.
        alphabets: Dict from str to (number of the first character, number of
            characters). The same number has the same images in all sets.
        drawers: Int, images of a character.
        side: Int, height and width in pixels.
    """
    files = {f"{name}/": b""}
    for alphabet, (first, characters) in alphabets.items():
        for index in range(characters):
            folder = f"{name}/{alphabet}/character{index + 1:02d}"
            for drawer in range(1, drawers + 1):
                file = f"{folder}/{first + index:04d}_{drawer:02d}.png"
                files[file] = draw_ink([first + index, drawer], side)
    return files
