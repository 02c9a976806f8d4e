"""Meta Dropout, figures 6 and 7: one channel's activations, with noise."""

import numpy as np

from pipeline.figures import canvas
from pipeline.figures import picture_rows


@canvas.in_style
def draw(examples):
    """Returns the figure: a row per image, of its strongest channel.

    The image; the activations without perturbation, as expected (the query
    pass) and in passes with noise, all on one range from 0; and, on a range of
    its own, the standard deviation over all passes with noise.

    Args:
        examples: Dict from title, such as a data set, to a pair of images
            `(images, height, width, channels)`, floats in [0, 1], and an
            `ActivationView` of them.

    Raises: ValueError, if it is empty somewhere, or the views have different
        numbers of copies.
    """
    headings = picture_rows.headings_of(examples)
    shown = len(headings) - 3
    blocks = {
        title: [
            _row(image, view, number, shown)
            for number, image in enumerate(images)
        ]
        for title, (images, view) in examples.items()
    }
    return picture_rows.draw(blocks, [*headings, "deviation"])


def _row(image, view, number, shown):
    channel = view.strongest_channel(number)
    plain = view.unperturbed[number, :, :, channel]
    expected = view.expected[number, :, :, channel]
    copies = view.stochastic[:, number, :, :, channel]
    highest = max(plain.max(), expected.max(), copies[:shown].max())
    options = {"cmap": "magma", "vmin": 0, "vmax": highest}
    maps = [plain, expected, *copies[:shown]]
    return [
        (image, {"cmap": "gray", "vmin": 0, "vmax": 1}),
        *((each, options) for each in maps),
        (np.std(copies, axis=0), {"cmap": "cividis", "vmin": 0}),
    ]
