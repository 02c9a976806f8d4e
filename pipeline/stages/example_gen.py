"""ExampleGen: any data set becomes examples of one size.

In memory, as one file; or on Apache Beam, as shards in a place that many
machines can write, and a file here which names it.
"""

import importlib
import pathlib

import numpy as np

from mp_keras import files
from pipeline import datasets
from pipeline.datasets import tfrecord_shards
from pipeline.storage import artifact_store
from pipeline.storage import places

EXAMPLES_FILE = "examples.npz"
_POINTER_FILE = "shards.json"


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
    others = {}
    if data.validation:
        names = "validation_images", "validation_labels"
        others = dict(zip(names, data.validation))
    if data.train_digests:  # which images are there twice
        others["train_digests"] = np.array(data.train_digests)
    with files.new_file(directory / EXAMPLES_FILE) as path:
        np.savez_compressed(
            path,
            train_images=data.train_images,
            train_labels=data.train_labels,
            test_images=data.test_images,
            test_labels=data.test_labels,
            class_names=np.array(data.class_names),
            **others,
        )
    return {
        "source": source,
        "image_size": image_size,
        "classes": len(data.class_names),
        "train_examples": len(data.train_labels),
        "test_examples": len(data.test_labels),
        "digest": data.digest(),
    }


def generate_shards(source, image_size, directory, shards, **options):
    """Writes shards on Apache Beam, and where they are into a folder.

    Args:
        source, image_size: As for `pipeline.beam.example_gen.generate_shards`.
        directory: Path-like, made if it is missing.
        shards: Path or URI of a folder for these examples alone. Whole shards
            that are there already are taken as they are.
        **options: Further arguments of `pipeline.beam.example_gen`'s function.

    Returns: dict, as `generate_examples`.

    Raises: ValueError, if Apache Beam is not installed; others as that
        function.
    """
    shards = artifact_store.resolved(shards)
    manifest = f"{shards}/{tfrecord_shards.MANIFEST}"
    if places.exists(manifest):
        description = places.read_json(manifest)
    else:
        description = beam_example_gen().generate_shards(
            source, image_size, shards, **options
        )
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    files.write_json(directory / _POINTER_FILE, {"shards": shards})
    return {
        "source": source,
        "image_size": image_size,
        "classes": len(description["class_names"]),
        "train_examples": description["train_examples"],
        "test_examples": description["test_examples"],
        "digest": description["digest"],
    }


def beam_example_gen():
    """Returns the module `pipeline.beam.example_gen`.

    By name and late: Apache Beam lives in an environment of its own.

    Raises: ValueError, if it is not installed.
    """
    try:
        return importlib.import_module("pipeline.beam.example_gen")
    except ModuleNotFoundError as error:
        if error.name != "apache_beam":
            raise
        raise ValueError(
            "ExampleGen on Apache Beam must run in the environment of "
            "requirements/beam.txt. Received: one without apache_beam"
        ) from error


def examples_source(directory):
    """Returns the source of a folder that ExampleGen wrote.

    `npz:` of a file in it, or `tfrecord:` of the shards that it points to.
    """
    pointer = pathlib.Path(directory) / _POINTER_FILE
    if pointer.exists():
        return f"tfrecord:{files.read_json(pointer)['shards']}"
    return f"npz:{pathlib.Path(directory) / EXAMPLES_FILE}"
