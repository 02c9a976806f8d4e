"""Reads `tfrecord:PATH` sources: shards that ExampleGen wrote on Beam."""

import itertools
import pathlib

import numpy as np

from mp_keras import files
from pipeline.datasets import argument_checks
from pipeline.datasets import image_data
from pipeline.datasets import image_resizing
from pipeline.datasets import tfrecord_shards


def load_tfrecord(path, image_size):
    """Reads the shards of a folder into memory.

    All examples must fit there: `3 * image_size**2` bytes each, 12 GiB for a
    million images of 64 pixels. The trainings draw their batches from arrays
    at random, as a function of seed and step; none reads shards one by one.

    Args:
        path: Str or path of a folder as `tfrecord_shards` describes it.
        image_size: Int, height and width of the result in pixels. Another
            size than the shards' resizes a second time.

    Returns:
        `ImageData`, not checked by `check_image_data` yet.

    Raises:
        FileNotFoundError: If there is no such folder or no manifest in it.
        ValueError: If manifest or shard is not what was written; it is named.
    """
    path = pathlib.Path(path).expanduser()
    manifest = path / tfrecord_shards.MANIFEST
    if not manifest.is_file():
        raise FileNotFoundError(
            f"`source` tfrecord:{path} must name a folder with "
            f"{manifest.name}, which is written last. Received: none there"
        )
    description = files.read_json(manifest)
    try:
        size, names, shards = _check_manifest(path, description)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{manifest} must describe shards as ExampleGen does. "
            f"Received: {type(error).__name__}: {error}"
        ) from error
    arrays = [
        array
        for part in ("train", "test")
        for array in _read_part(path, shards[part], size)
    ]
    for index in (0, 2) if size != image_size else ():
        arrays[index] = image_resizing.resize_array(arrays[index], image_size)
    return image_data.ImageData(*arrays, class_names=names)


def _check_manifest(path, description):
    """Returns image size, class names and shards by part.

    The shards have to be in the folder, and as long as their examples are at
    least, before memory is taken for them.
    """
    size = argument_checks.check_int("image_size", description["image_size"], 1)
    names = tuple(description["class_names"])
    if not all(isinstance(name, str) for name in names):
        raise TypeError("`class_names` that are no strings")
    shards = {part: description["shards"][part] for part in ("train", "test")}
    for shard in (*shards["train"], *shards["test"]):
        name = str(shard["name"])
        if not tfrecord_shards.SHARD_NAME.fullmatch(name):
            raise ValueError(f"a shard named {name!r}")
        if not isinstance(shard["sha256"], str):
            raise TypeError("a `sha256` that is no string")
        count = argument_checks.check_int("examples", shard["examples"], 0)
        if not (path / name).is_file():
            raise ValueError(f"{name}, and no such file")
        length = (path / name).stat().st_size
        if 3 * size * size * count > length:
            raise ValueError(
                f"{count} examples of {size} pixels in {name}, of {length} "
                "bytes"
            )
    return size, names, shards


def _read_part(path, shards, size):
    """Returns uint8 images `(n, size, size, 3)` and int64 labels `(n,)`."""
    ends = list(itertools.accumulate(shard["examples"] for shard in shards))
    count = ends[-1] if ends else 0
    images = np.empty((count, size, size, 3), np.uint8)
    labels = np.empty((count,), np.int64)
    for shard, end in zip(shards, ends):
        rows = slice(end - shard["examples"], end)
        tfrecord_shards.read_shard(
            path / shard["name"], shard, images[rows], labels[rows]
        )
    return images, labels
