"""Labelled images and what a classifier said of them: numbers by class."""

import dataclasses
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics as sklearn_metrics

from mp_keras.evaluation.metrics import classification_metrics


@dataclasses.dataclass(frozen=True, eq=False)
class JudgedImages:
    """The test images of a page.

    Attributes:
        images: uint8 `(n, height, width, 3)`, as the network takes them.
        labels: Int array `(n,)`.
        names: Sequence of str, of the files; () if they have none.
        class_names: Sequence of str.
        probabilities: Array `(n, classes)`.
        before: The same before the temperature, or None.
    """

    images: np.ndarray
    labels: np.ndarray
    names: tuple
    class_names: tuple
    probabilities: np.ndarray
    before: np.ndarray | None = None

    @property
    def predicted(self):
        """Int array `(n,)`: the most probable class of each image."""
        return np.argmax(self.probabilities, axis=1)

    def name_of(self, index):
        """Returns the name of an image's file, or its number."""
        return self.names[index] if self.names else f"image {index}"

    def confusion(self):
        """Returns how many images of a class were taken for which.

        Int array `(classes, classes)`: a row per true class.
        """
        return sklearn_metrics.confusion_matrix(
            self.labels,
            self.predicted,
            labels=np.arange(len(self.class_names)),
        )

    def by_class(self):
        """Returns (name, images, accuracy, low, high) of each class with any.

        Accuracy and its 95 % interval (Wilson) are in percent.
        """
        rows = []
        for label, counts in enumerate(self.confusion()):
            if counts.sum():
                right, count = int(counts[label]), int(counts.sum())
                share = 100 * right / count
                name = self.class_names[label]
                rows.append((name, count, share, *interval(right, count)))
        return rows

    def mistakes(self, most):
        """Returns the positions of the most confident mistakes, worst first."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        confidence = self.probabilities[wrong].max(axis=1)
        return wrong[np.argsort(-confidence, kind="stable")[:most]]


def metrics_of(probabilities, labels):
    """Returns the metrics of a classifier, those that see classes alike too.

    Args:
        probabilities: Array `(examples, classes)`.
        labels: Int array `(examples,)`.

    Returns: those of `classification_metrics`; `balanced_accuracy` and
        `macro_f1` in percent, means over the classes that there are.
    Raises: As `classification_metrics`.
    """
    found = classification_metrics(probabilities, labels)
    predicted = np.argmax(probabilities, axis=1)
    present = np.unique(labels)
    with warnings.catch_warnings():
        # That classes without images are predicted is no news.
        warnings.simplefilter("ignore", UserWarning)
        balanced = sklearn_metrics.balanced_accuracy_score(labels, predicted)
    f1 = sklearn_metrics.f1_score(
        labels, predicted, labels=present, average="macro", zero_division=0
    )
    return {
        **found,
        "balanced_accuracy": 100 * float(balanced),
        "macro_f1": 100 * float(f1),
    }


def interval(right, count):
    """Returns the 95 % interval of a share in percent (Wilson)."""
    found = stats.binomtest(int(right), int(count)).proportion_ci(
        method="wilson"
    )
    return 100 * found.low, 100 * found.high
