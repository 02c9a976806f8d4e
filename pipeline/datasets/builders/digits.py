"""TFDS builder of scikit-learn's handwritten digits, a tiny real target."""

import numpy as np
import tensorflow_datasets as tfds

from pipeline.datasets import stratified

_DESCRIPTION = """\
1,797 handwritten digits of 8x8 pixels, the test part of the UCI set "Optical
Recognition of Handwritten Digits" as it ships with scikit-learn. Every class
is cut into two halves, train and test, by a fixed seed.
"""
_CITATION = """\
@misc{alpaydin1998optical,
  author = {Alpaydin, E. and Kaynak, C.},
  title = {Optical Recognition of Handwritten Digits},
  publisher = {UCI Machine Learning Repository},
  year = {1998},
  doi = {10.24432/C50P49}
}
"""
_MAX_INK = 16


class Digits(tfds.core.GeneratorBasedBuilder):
    """Digits of 8x8 gray pixels: splits "train" and "test", halves each.

    Features: `image`, uint8 `(8, 8, 1)` in [0, 255]; `label`, 0 to 9.
    """

    # TFDS 4.9.10 would need `importlib_resources`, which it does not install,
    # to find the folder of a checksum file that we do not have.
    code_path = None
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    DESCRIPTION = _DESCRIPTION
    CHANNELS = 1

    @staticmethod
    def draw(share, index):
        """Returns the uint8 pixels of an image.

        Args:
            share: Float array `(8, 8, 1)` in [0, 1], of ink.
            index: Int, number of the image in scikit-learn's set.
        """
        return np.round(share * 255).astype(np.uint8)

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.DESCRIPTION,
            citation=_CITATION,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(8, 8, self.CHANNELS)),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        import sklearn.datasets  # here: slow, and needed only to generate

        ink, labels = sklearn.datasets.load_digits(return_X_y=True)
        shares = ink.reshape(-1, 8, 8, 1) / _MAX_INK
        train, test = stratified.stratified_split(labels, 0.5, seed=0)
        return {
            "train": self._generate_examples(shares, labels, train),
            "test": self._generate_examples(shares, labels, test),
        }

    def _generate_examples(self, shares, labels, indices):
        for index in indices.tolist():
            image = self.draw(shares[index], index)
            yield index, {"image": image, "label": int(labels[index])}
