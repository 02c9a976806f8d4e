"""TFDS builder of handwritten digits in colours that say nothing.

    image = paper colour + share of ink * (ink colour - paper colour)

A small network that sees five images of each class learns their colours by
heart: a target as small as `digits`, on which a method shows what it is good
for. The colours of an image are a function of its number.
"""

import numpy as np

from pipeline.datasets.builders import digits
from pipeline.datasets.builders import ink

_DESCRIPTION = """\
The 1,797 handwritten digits of 8x8 pixels that ship with scikit-learn (the test
part of the UCI set "Optical Recognition of Handwritten Digits"), each in ink of
a random colour on paper of a random colour. Parts as in `digits`.
"""


class ColoredDigits(digits.Digits):
    """Digits of 8x8 pixels in two colours each: "train" and "test", halves.

    Features: `image`, uint8 `(8, 8, 3)`; `label`, 0 to 9.
    """

    DESCRIPTION = _DESCRIPTION
    CHANNELS = 3

    @staticmethod
    def draw(share, index):
        return ink.paint(share, np.random.default_rng([0, index]))
