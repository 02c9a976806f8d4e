"""Images that a small network learns: a square whose colour is the class."""

import numpy as np

COLOURS = np.array(
    [[230, 40, 40], [40, 220, 60], [50, 60, 230], [220, 210, 40]], np.uint8
)
NAMES = ("red", "green", "blue", "yellow")


def make_part(per_class, size=16, seed=0):
    """Returns uint8 images of noise with one square, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(COLOURS)), per_class)
    images = rng.integers(0, 60, (len(labels), size, size, 3), np.uint8)
    for image, label in zip(images, labels):
        top, left = rng.integers(0, size // 2, 2)
        image[top : top + size // 2, left : left + size // 2] = COLOURS[label]
    return images, labels


def write_npz(path, train_per_class=12, test_per_class=5, **changes):
    """Writes an `npz:` source of 4 classes at 16 pixels; returns its name.

    Args:
        path: Path of the file.
        train_per_class: Int, training images of each class.
        test_per_class: Int, test images of each class.
        **changes: Arrays that replace those of the file.
    """
    train_images, train_labels = make_part(train_per_class, seed=0)
    test_images, test_labels = make_part(test_per_class, seed=1)
    arrays = {
        "train_images": train_images,
        "train_labels": train_labels,
        "test_images": test_images,
        "test_labels": test_labels,
        "class_names": np.array(NAMES),
    }
    np.savez(path, **{**arrays, **changes})
    return f"npz:{path}"
