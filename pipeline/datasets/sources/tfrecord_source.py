"""Reads `tfrecord:PATH` sources: shards that ExampleGen wrote on Beam."""

import itertools
import pathlib

import numpy as np
from absl import logging

from mp_keras import files
from pipeline.datasets import argument_checks
from pipeline.datasets import image_data
from pipeline.datasets import image_resizing
from pipeline.datasets import mapped_images
from pipeline.datasets import tfrecord_shards
from pipeline.datasets.sources import memory_need


def load_tfrecord(path, image_size, memory_gib=None):
    """Reads the shards of a folder, or maps them where they are large.

    An example takes `3 * image_size**2` bytes, a million images of 64 pixels
    12 GiB. The trainings draw their batches at random, as a function of seed
    and step: in memory from arrays, else by the shards' indices. Into memory
    each shard is read with its SHA-256; those on disk are read at once where
    they are needed, and only their lengths are checked.

    Args:
        path: Str or path of a folder as `tfrecord_shards` describes it.
        image_size: Int, height and width of the result in pixels. Another
            size than the shards' resizes a second time, in memory alone.
        memory_gib: Float, GiB that the images of both parts may take in
            memory, or None (default) for any.

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
    examples = sum(
        shard["examples"] for part in shards.values() for shard in part
    )
    needed = memory_need.gib(size, examples)
    mapped = memory_gib is not None and needed > memory_gib
    if mapped:
        _announce(path, needed, memory_gib, size, image_size)
    arrays = [
        array
        for part in ("train", "test")
        for array in (_map_part if mapped else _read_part)(
            path, shards[part], size
        )
    ]
    for index in (0, 2) if size != image_size else ():
        arrays[index] = image_resizing.resize_array(arrays[index], image_size)
    digest = description.get("digest") if size == image_size else None
    return image_data.ImageData(*arrays, class_names=names, known_digest=digest)


def _announce(path, needed, memory_gib, size, image_size):
    if size != image_size:
        raise ValueError(
            f"The shards in {path}, {needed:.3g} GiB, must be read from disk, "
            f"as they are: at image_size={size}. "
            f"Received: image_size={image_size}"
        )
    logging.warning(
        "%s: %.3g GiB, more than memory_gib=%g: read from disk",
        path,
        needed,
        memory_gib,
    )


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
        if tfrecord_shards.image_bytes(size) * count > length:
            raise ValueError(
                f"{count} examples of {size} pixels in {name}, of {length} "
                "bytes"
            )
    return size, names, shards


def _map_part(path, shards, size):
    """Returns `MappedImages` and int64 labels `(n,)`."""
    found, labels = [], [np.empty((0,), np.int64)]
    for shard in shards:
        place = path / shard["name"]
        offsets, some = tfrecord_shards.read_index(place, shard, size)
        found.append((place, offsets))
        labels.append(some)
    return mapped_images.MappedImages(found, size), np.concatenate(labels)


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
