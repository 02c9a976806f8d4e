"""An image classification data set in memory."""

import dataclasses
import hashlib

import numpy as np

from pipeline.datasets import mapped_images


@dataclasses.dataclass(frozen=True, eq=False)
class ImageData:
    """Images of one size with labels, cut into a training and a test part.

    Attributes:
        train_images: uint8 `(n, image_size, image_size, 3)`.
        train_labels: int64 `(n,)` in [0, len(class_names)).
        test_images: uint8 `(m, image_size, image_size, 3)`.
        test_labels: int64 `(m,)`, of classes that training has.
        class_names: Tuple of str, one per label.
        record: JSON-compatible dict that says which images these are, for
            `load_images(..., noted=record)`, or None.
        known_digest: Str, the digest if it is known from elsewhere, or None.
        validation: Pair of the same arrays, of the part that the source keeps
            for validation, or None.
        test_names: Tuple of str, one per test image, or () for none.
        train_digests: Tuple of str, of the file of each training image, or ()
            where there are no files.
        original_size: Median height and width in pixels before they were
            brought to one size, a pair of ints; None where nobody knows.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple
    record: dict | None = None
    known_digest: str | None = None
    validation: tuple | None = None
    test_names: tuple = ()
    train_digests: tuple = ()
    original_size: tuple | None = None

    def digest(self):
        """Returns the SHA-256 of arrays and class names, 64 hex digits.

        Two data sets have the same digest only if they are the same to the
        last pixel, so it can stand for the data in a cache key. Shards have
        the digest that their manifest names.
        """
        return self.known_digest or self.pixel_digest()

    def pixel_digest(self):
        """Returns the digest by pixels; those on disk are read for it."""
        fields = dataclasses.fields(self)[:4]
        arrays = {field.name: getattr(self, field.name) for field in fields}
        if self.validation:
            names = "validation_images", "validation_labels"
            arrays |= dict(zip(names, self.validation))
        return digest_arrays(arrays, self.class_names)


def digest_arrays(arrays, class_names):
    """Returns the SHA-256 of named arrays and of class names.

    Args:
        arrays: Dict from str to array.
        class_names: Sequence of str.

    Returns:
        Str, 64 hex digits. Names, types, shapes and order count as well.
    """
    total = hashlib.sha256()
    for name, array in arrays.items():
        total.update(f"{name} {array.dtype} {array.shape}".encode())
        chunks = array.chunks() if mapped_images.is_mapped(array) else [array]
        for chunk in chunks:
            total.update(np.ascontiguousarray(chunk).data)
    total.update(repr(tuple(class_names)).encode())
    return total.hexdigest()


def check_record(record, noted, source):
    """Refuses other data than a run began with.

    Args:
        record: JSON-compatible, of the data as they are.
        noted: That of the run's beginning, or None.
        source: Str, named in the message.

    Raises: ValueError, if both are there and differ.
    """
    if noted and record != noted:
        raise ValueError(
            f"`source` {source} must hold the data that this run began "
            "with; another data set needs a workdir of its own. "
            "Received: other images, labels or class names"
        )


def check_image_data(data, source):
    """Refuses data that cannot be trained on.

    Args:
        data: `ImageData` as read.
        source: Str, named in the messages.

    Raises:
        ValueError: If a part is empty, a label is out of range, there are
            fewer than two classes, or the test or validation part has a class
            of its own.
    """
    others = {"test": data.test_labels}
    if data.validation:
        others["validation"] = data.validation[1]
    for part, labels in others.items():
        check_labels(data.train_labels, labels, data.class_names, source, part)


def check_labels(train_labels, test_labels, names, source, tested="test"):
    """Refuses labels that cannot be trained on, as `check_image_data`.

    Args:
        train_labels, test_labels: Integer arrays `(n,)` and `(m,)`; each label
            once is enough.
        names: Tuple of str, the class names.
        source: Str, named in the messages.
        tested: Str, name of the second part, default "test".
    """
    for part, labels in (("train", train_labels), (tested, test_labels)):
        if not len(labels):
            raise ValueError(
                f"{source} must hold at least one {part} image. Received: none"
            )
        if labels.min() < 0 or labels.max() >= len(names):
            raise ValueError(
                f"The {part} labels of {source} must lie in [0, {len(names)}), "
                "the number of its class names. Received: labels from "
                f"{labels.min()} to {labels.max()}"
            )
    trained = np.unique(train_labels)
    if len(trained) < 2:
        raise ValueError(
            f"{source} must have training images of at least 2 classes. "
            f"Received: {[names[label] for label in trained]}"
        )
    unknown = np.setdiff1d(test_labels, trained)
    if len(unknown):
        raise ValueError(
            f"Each {tested} class of {source} must have training images. "
            f"Received: {tested} only: {[names[label] for label in unknown]}"
        )
