"""Cuts a source into shards that can be made apart, on many machines.

A plan says which examples a shard holds, in a dict that JSON can carry; whoever
has it makes the shard without knowing the others. Nothing is decoded here but
by `read_examples`.
"""

from pipeline.datasets import tfrecord_shards
from pipeline.datasets.sources import folder_source
from pipeline.datasets.sources import tfds_source

_SHARD_BYTES = 64 * 2**20


def default_examples_per_shard(image_size):
    """Returns how many images of one size make a shard of 64 MiB."""
    return max(1, _SHARD_BYTES // (3 * image_size**2))


def plan_folder(place, image_size, per_shard, test_fraction, seed):
    """Plans the shards of a folder of images.

    Args:
        place, test_fraction, seed: As for `folder_source.list_folder`; train
            and test are cut by the same rule.
        image_size: Int, height and width in pixels.
        per_shard: Int, how many examples a shard has at most.

    Returns:
        `(class names, plans)`.

    Raises: as `folder_source.list_folder`.
    """
    names, *parts = folder_source.list_folder(place, test_fraction, seed)
    plans = []
    for part, (places, labels) in zip(("train", "test"), parts):
        for name, start, stop in _cut(part, len(places), per_shard):
            plans.append(
                {
                    "name": name,
                    "image_size": image_size,
                    "files": [str(file) for file in places[start:stop]],
                    "labels": labels[start:stop].tolist(),
                }
            )
    return names, plans


def plan_tfds(builder, name, splits, image_size, per_shard):
    """Plans the shards of a prepared data set of TensorFlow Datasets.

    Args:
        builder, splits: As `tfds_source.prepare` returns them.
        name: Str as `tfds.builder` takes it.
        image_size: Int, height and width in pixels.
        per_shard: Int, how many examples a shard has at most.

    Returns: the plans.
    """
    return [
        {
            "name": shard,
            "image_size": image_size,
            "tfds": name,
            "data_dir": str(builder.data_dir_root),
            "split": split,
            "start": start,
            "stop": stop,
        }
        for part, split in zip(("train", "test"), splits)
        for shard, start, stop in _cut(
            part, builder.info.splits[split].num_examples, per_shard
        )
    ]


def read_examples(plan):
    """Yields `(image, label)` of a shard, in order.

    Raises: ConnectionError, ValueError, if a file cannot be read; names it.
    """
    size = plan["image_size"]
    if "tfds" in plan:
        yield from tfds_source.read_range(
            plan["tfds"],
            plan["data_dir"],
            plan["split"],
            plan["start"],
            plan["stop"],
            size,
        )
        return
    for file, label in zip(plan["files"], plan["labels"]):
        yield folder_source.read_image(file, size), label


def _cut(part, count, per_shard):
    """Yields name, start and stop of the shards of `count` examples."""
    shards = -(-count // per_shard)
    for number in range(shards):
        start = number * per_shard
        name = tfrecord_shards.shard_name(part, number, shards)
        yield name, start, min(count, start + per_shard)
