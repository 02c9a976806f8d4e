"""TFDS builder of handwritten digits in colours that say nothing.

    image = paper colour + share of ink * (ink colour - paper colour)

A small network that sees five images of each class learns their colours by
heart: a target as small as `digits`, on which a method shows what it is good
for. The colours of an image are a function of its number.
"""

import numpy as np
import tensorflow_datasets as tfds

from pipeline.datasets.builders import digits
from pipeline.datasets.builders import ink

_DESCRIPTION = """\
The 1,797 handwritten digits of 8x8 pixels that ship with scikit-learn (the test
part of the UCI set "Optical Recognition of Handwritten Digits"), each in ink of
a random colour on paper of a random colour. Parts as in `digits`.
"""


class ColoredDigits(tfds.core.GeneratorBasedBuilder):
    """Digits of 8x8 pixels in two colours each: "train" and "test", halves.

    Features: `image`, uint8 `(8, 8, 3)`; `label`, 0 to 9.
    """

    # TFDS 4.9.10 would need `importlib_resources`, which it does not install,
    # to find the folder of a checksum file that we do not have.
    code_path = None
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            citation=digits.CITATION,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(8, 8, 3)),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        shares, labels = digits.read_shares()
        return {
            part: self._generate_examples(shares, labels, indices)
            for part, indices in digits.halves(labels).items()
        }

    def _generate_examples(self, shares, labels, indices):
        for index in indices.tolist():
            generator = np.random.default_rng([0, index])
            image = ink.paint(shares[index], generator)
            yield index, {"image": image, "label": int(labels[index])}
