"""Rows of pictures under headings: what two figures of Meta Dropout share."""

import textwrap

import numpy as np

from pipeline.figures import bands
from pipeline.figures import canvas

_INCHES = 0.8
_HEADING_INCHES = 0.35
_SHOWN_COPIES = 5
_LETTERS = 14  # of a title beside a picture


def draw(blocks, headings):
    """Returns the figure: the rows of all blocks, one below the other.

    Args:
        blocks: Dict from title to a list of rows; a row is a list of pairs of
            a picture and the options of `Axes.imshow`. A picture is an array
            `(height, width)`, `(height, width, 1)` or `(height, width, 3)`.
        headings: Sequence of str, one per column.

    Raises: ValueError, if a block is empty or a row has not one picture a
        heading.
    """
    bands.check_groups(blocks, "blocks")
    rows = [(title, row) for title, block in blocks.items() for row in block]
    lengths = sorted({len(row) for _, row in rows})
    if lengths != [len(headings)]:
        raise ValueError(
            f"The rows must have {len(headings)} pictures each, one per "
            f"heading. Received: rows of {lengths}"
        )
    figure, panels = canvas.make_panels(
        len(rows), len(headings), _INCHES, _INCHES, layout="compressed"
    )
    figure.set_figheight(figure.get_figheight() + _HEADING_INCHES)
    previous = None
    for line, (title, row) in zip(panels, rows):
        for panel, (picture, options) in zip(line, row):
            panel.imshow(np.asarray(picture).squeeze(), **options)
            panel.set_xticks([])
            panel.set_yticks([])
            panel.spines[:].set_visible(False)
            panel.grid(False)
        if title != previous:
            line[0].set_ylabel(textwrap.fill(title, _LETTERS), fontsize=8)
        previous = title
    for panel, heading in zip(panels[0], headings):
        panel.set_title(heading, fontsize=8)
    return figure


def headings_of(examples):
    """Returns the headings of an image and its `ActivationView`.

    Args:
        examples: Dict from title to a pair of images and an `ActivationView`
            of them.

    Returns: list of str: the image, no noise, expected, and at most 5 passes
        with noise.
    Raises: ValueError, if it is empty somewhere, or the views have different
        numbers of copies.
    """
    bands.check_groups(
        {title: images for title, (images, _) in examples.items()}, "examples"
    )
    counts = sorted({len(view.stochastic) for _, view in examples.values()})
    if len(counts) > 1:
        raise ValueError(
            "Argument `examples` must have the same number of noisy passes "
            f"everywhere. Received: {counts}"
        )
    shown = range(1, min(_SHOWN_COPIES, *counts) + 1)
    return [
        "image",
        "no noise",
        "expected",
        *(f"noisy {number}" for number in shown),
    ]
