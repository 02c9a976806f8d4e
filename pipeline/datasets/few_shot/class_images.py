"""Images of many classes, which the episodes of few-shot learning draw from."""

import dataclasses

import numpy as np

from pipeline.datasets import image_data


@dataclasses.dataclass(frozen=True, eq=False)
class ClassImages:
    """Labelled images of one size.

    Attributes:
        images: uint8 `(n, height, width, channels)`.
        labels: int64 `(n,)` in [0, classes), each at least once.
        class_names: Tuple of str, one per label.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple

    @property
    def classes(self):
        """Int, the number of classes."""
        return len(self.class_names)

    def digest(self):
        """Returns the SHA-256 of images, labels and names, 64 hex digits."""
        arrays = {"images": self.images, "labels": self.labels}
        return image_data.digest_arrays(arrays, self.class_names)

    def select(self, classes):
        """Returns `ClassImages` of some classes.

        Args:
            classes: Sequence of distinct ints, labels of this object; label k
                of the result is `classes[k]` here.

        Raises:
            ValueError: If a class is not there or twice.
        """
        classes = np.asarray(classes, np.int64)
        if (
            classes.ndim != 1
            or len(np.unique(classes)) < classes.size
            or not np.isin(classes, np.arange(self.classes)).all()
        ):
            raise ValueError(
                "`classes` must be distinct labels in "
                f"[0, {self.classes}). Received: classes={classes.tolist()}"
            )
        new_labels = np.full(self.classes, -1, np.int64)
        new_labels[classes] = np.arange(len(classes))
        kept = np.flatnonzero(new_labels[self.labels] >= 0)
        return ClassImages(
            self.images[kept],
            new_labels[self.labels[kept]],
            tuple(self.class_names[label] for label in classes),
        )


def merge(first, second):
    """Returns `ClassImages` with the classes of the one, then of the other.

    Args:
        first, second: `ClassImages` with images of one shape.

    Raises:
        ValueError: If shapes differ, or a class name is in both.
    """
    shapes = first.images.shape[1:], second.images.shape[1:]
    if shapes[0] != shapes[1]:
        raise ValueError(
            "`first` and `second` must have images of one shape. "
            f"Received: {shapes[0]} and {shapes[1]}"
        )
    both = sorted(set(first.class_names) & set(second.class_names))
    if both:
        raise ValueError(
            "`first` and `second` must have classes of their own. "
            f"Received: in both: {', '.join(both[:3])}"
        )
    return ClassImages(
        np.concatenate([first.images, second.images]),
        np.concatenate([first.labels, second.labels + first.classes]),
        first.class_names + second.class_names,
    )


def check_class_images(data, name):
    """Refuses data that no episode can be drawn from.

    Args:
        data: `ClassImages`.
        name: Str, named in the messages.

    Raises:
        ValueError: If a type, a shape or a label is wrong, or a class has no
            image or the name of another.
    """
    images, labels = data.images, data.labels
    if images.dtype != np.uint8 or images.ndim != 4 or not images.size:
        raise ValueError(
            f"The images of {name} must be uint8 of shape (n, height, width, "
            f"channels). Received: {images.dtype} of shape {images.shape}"
        )
    if labels.dtype != np.int64 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"The labels of {name} must be int64 of shape ({len(images)},). "
            f"Received: {labels.dtype} of shape {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= data.classes:
        raise ValueError(
            f"The labels of {name} must lie in [0, {data.classes}), the number "
            "of its class names. Received: labels from "
            f"{labels.min()} to {labels.max()}"
        )
    counts = np.bincount(labels, minlength=data.classes)
    if not counts.min():
        raise ValueError(
            f"Each class of {name} must have an image. "
            f"Received: none of {data.class_names[counts.argmin()]}"
        )
    if len(set(data.class_names)) < data.classes:
        raise ValueError(
            f"The class names of {name} must differ. "
            f"Received: {data.classes} names, {len(set(data.class_names))} of "
            "them different"
        )
