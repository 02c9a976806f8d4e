"""Ink and paper of random colours, for images that know only how much ink."""

import numpy as np

_MIN_CONTRAST = 90  # of the luma, of 255
_LUMA = np.array([0.299, 0.587, 0.114])


def paint(share, generator):
    """Returns an image in two colours that are drawn at random.

    Args:
        share: Float array `(height, width, 1)` in [0, 1], of ink.
        generator: `numpy.random.Generator`.

    Returns:
        uint8 array `(height, width, 3)`.
    """
    paper, ink = _draw_colors(generator)
    return np.round(paper + share * (ink - paper)).astype(np.uint8)


def _draw_colors(generator):
    """Returns two colours `(3,)` in [0, 255], the ink the lighter one.

    With ink of either kind, a small network needs some hundred steps before
    it tells the first letters apart, and φ learns nothing until then.
    """
    while True:
        paper, ink = generator.uniform(0, 255, (2, 3))
        if _LUMA @ (ink - paper) >= _MIN_CONTRAST:
            return paper, ink
