"""Image data in shards: TFRecord files, and a manifest that lists them.

    train-00000-of-00002.tfrecord, ...   in the order of the examples
    test-00000-of-00001.tfrecord, ...
    NAME.tfrecord.index.npy              of each: int64 (examples, 2)
    examples.json                        the manifest, written last

A record is a `tf.train.Example` with `image`, the bytes of uint8 pixels
`(image_size, image_size, 3)`, and `label`, an integer. The index has the offset
of these bytes in the file, and the label, so that an image can be read without
those before it. A folder without manifest is not finished. The same examples
give the same bytes.
"""

import hashlib
import os
import pathlib
import re

import numpy as np
import tensorflow as tf

from mp_keras import files
from mp_keras import given_files

MANIFEST = "examples.json"
_BATCH = 256
SHARD_NAME = re.compile(r"(train|test)-\d{5,}-of-\d{5,}\.tfrecord")
INDEX_SUFFIX = ".index.npy"
_LENGTH_BYTES, _CHECKSUM_BYTES = 8, 4  # around a record
_FEATURES = {
    "image": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.int64),
}


def image_bytes(size):
    """Returns how many bytes an image of so many pixels a side takes."""
    return 3 * size**2


def shard_name(part, number, count):
    """Returns the file name of shard `number` of `count` of a part."""
    return f"{part}-{number:05d}-of-{count:05d}.tfrecord"


def write_shard(path, examples):
    """Writes one shard and its index, whole or not at all.

    Args:
        path: Path-like.
        examples: Iterable of `(image, label)`: uint8 `(size, size, 3)`, int.

    Returns: dict for the manifest: `name`, `examples`, `labels` ({label as
        str: how many}) and `sha256` of the file.
    """
    path = pathlib.Path(path)
    partial = path.with_name(f".partial-{path.name}")
    labels, index, end = {}, [], 0
    try:
        with tf.io.TFRecordWriter(str(partial)) as writer:
            for image, label in examples:
                record, pixels_at = _encode(image, label)
                writer.write(record)
                start = end + _LENGTH_BYTES + _CHECKSUM_BYTES
                index.append((start + pixels_at, label))
                end = start + len(record) + _CHECKSUM_BYTES
                labels[str(label)] = labels.get(str(label), 0) + 1
        with files.new_file(index_path(path)) as new, open(new, "wb") as file:
            np.save(file, np.array(index, np.int64).reshape(-1, 2))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return {
        "name": path.name,
        "examples": sum(labels.values()),
        "labels": labels,
        "sha256": _digest(path),
    }


def index_path(path):
    """Returns the path of the index of a shard."""
    return path.with_name(path.name + INDEX_SUFFIX)


def read_index(path, entry, size):
    """Returns the offsets of a shard's images and their labels, int64 `(n,)`.

    Args:
        path: Path of the shard.
        entry: What `write_shard` returned.
        size: Int, height and width of the images in pixels.

    Raises: ValueError, if the index is not there or does not fit the shard.
    """
    index = index_path(path)
    try:
        given_files.check(index, given_files.DATA_BYTES)
        table = np.load(index, allow_pickle=False)
        if table.shape != (entry["examples"], 2) or table.dtype != np.int64:
            raise ValueError(f"{table.dtype} of shape {table.shape}")
        offsets, labels = table.T
        room = path.stat().st_size - image_bytes(size)
        if len(table) and not 0 <= offsets.min() <= offsets.max() <= room:
            raise ValueError(f"offsets beyond {path.name}")
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{index} must hold the places of {entry['examples']} images in "
            f"{path.name}; `tools.generate_examples` writes both. "
            f"Received: {error}"
        ) from error
    return offsets, labels


def check_shard(path, entry):
    """Raises ValueError, if a shard is not there or not what was written."""
    if not path.is_file() or _digest(path) != entry["sha256"]:
        raise ValueError(
            f"Shard {path} must be as it was written, with SHA-256 "
            f"{entry['sha256']}. Received: "
            f"{'another content' if path.is_file() else 'no such file'}"
        )


def read_shard(path, entry, images, labels):
    """Reads one shard into arrays.

    Args:
        path: Path-like.
        entry: What `write_shard` returned.
        images: uint8 `(entry["examples"], size, size, 3)`, to be filled.
        labels: int64 `(entry["examples"],)`, to be filled.

    Raises: ValueError, if the file is not there or not what was written.
    """
    path = pathlib.Path(path)
    check_shard(path, entry)

    def decode(records):
        examples = tf.io.parse_example(records, _FEATURES)
        pixels = tf.io.decode_raw(examples["image"], tf.uint8)
        # (batch, size, size, 3)
        return tf.reshape(pixels, (-1, *images.shape[1:])), examples["label"]

    dataset = tf.data.TFRecordDataset(str(path)).batch(_BATCH).map(decode)
    row = 0
    try:
        for some_images, some_labels in dataset.as_numpy_iterator():
            rows = slice(row, row + len(some_labels))
            images[rows], labels[rows] = some_images, some_labels
            row = rows.stop
        if row != len(labels):
            raise ValueError(f"{row} images")
    except (tf.errors.OpError, ValueError) as error:
        raise ValueError(
            f"Shard {path} must hold {len(labels)} images of shape "
            f"{images.shape[1:]}, as its manifest says. Received: others"
        ) from error


def _encode(image, label):
    """Returns a record, and where in it the pixels begin."""
    pixels = np.ascontiguousarray(image, np.uint8).tobytes()
    features = {
        "image": tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[pixels])
        ),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    record = tf.train.Example(features=tf.train.Features(feature=features))
    record = record.SerializeToString(deterministic=True)
    # Sorted by name: after the pixels comes the label's entry, and no more.
    after = tf.train.Features(feature={"label": features["label"]})
    return record, len(record) - after.ByteSize() - len(pixels)


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
