"""Image data in shards: TFRecord files, and a manifest that lists them.

    train-00000-of-00002.tfrecord, ...   in the order of the examples
    test-00000-of-00001.tfrecord, ...
    examples.json                        the manifest, written last

A record is a `tf.train.Example` with `image`, the bytes of uint8 pixels
`(image_size, image_size, 3)`, and `label`, an integer. A folder without
manifest is not finished. The same examples give the same bytes.
"""

import hashlib
import os
import pathlib
import re

import numpy as np
import tensorflow as tf

MANIFEST = "examples.json"
_BATCH = 256
SHARD_NAME = re.compile(r"(train|test)-\d{5,}-of-\d{5,}\.tfrecord")
_FEATURES = {
    "image": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.int64),
}


def shard_name(part, number, count):
    """Returns the file name of shard `number` of `count` of a part."""
    return f"{part}-{number:05d}-of-{count:05d}.tfrecord"


def write_shard(path, examples):
    """Writes one shard, whole or not at all.

    Args:
        path: Path-like.
        examples: Iterable of `(image, label)`: uint8 `(size, size, 3)`, int.

    Returns: dict for the manifest: `name`, `examples`, `labels` ({label as
        str: how many}) and `sha256` of the file.
    """
    path = pathlib.Path(path)
    partial = path.with_name(f".partial-{path.name}")
    labels = {}
    try:
        with tf.io.TFRecordWriter(str(partial)) as writer:
            for image, label in examples:
                writer.write(_encode(image, label))
                labels[str(label)] = labels.get(str(label), 0) + 1
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return {
        "name": path.name,
        "examples": sum(labels.values()),
        "labels": labels,
        "sha256": _digest(path),
    }


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
    if not path.is_file() or _digest(path) != entry["sha256"]:
        raise ValueError(
            f"Shard {path} must be as it was written, with SHA-256 "
            f"{entry['sha256']}. Received: "
            f"{'another content' if path.is_file() else 'no such file'}"
        )

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
    features = {
        "image": tf.train.Feature(
            bytes_list=tf.train.BytesList(
                value=[np.ascontiguousarray(image, np.uint8).tobytes()]
            )
        ),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
