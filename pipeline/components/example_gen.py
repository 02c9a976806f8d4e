"""ExampleGen: any data set becomes one file of examples of one size."""

import pathlib

import numpy as np

from pipeline import datasets

EXAMPLES_FILE = "examples.npz"


def generate_examples(source, image_size, directory, **options):
    """Writes `examples.npz`, which `npz:` sources read, into a folder.

    Args:
        source: Str, as for `datasets.load_images`.
        image_size: Int, height and width in pixels.
        directory: Path-like, made if it is missing.
        **options: Further arguments of `datasets.load_images`.

    Returns: dict that describes the examples: source, sizes, digest.
    """
    data = datasets.load_images(source, image_size=image_size, **options)
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        directory / EXAMPLES_FILE,
        train_images=data.train_images,
        train_labels=data.train_labels,
        test_images=data.test_images,
        test_labels=data.test_labels,
        class_names=np.array(data.class_names),
    )
    return {
        "source": source,
        "image_size": image_size,
        "classes": len(data.class_names),
        "train_examples": len(data.train_labels),
        "test_examples": len(data.test_labels),
        "digest": data.digest(),
    }


def examples_source(directory):
    """Returns the `npz:` source of a folder that ExampleGen wrote."""
    return f"npz:{pathlib.Path(directory) / EXAMPLES_FILE}"
