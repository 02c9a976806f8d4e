"""Copies of shards that lie in an object store, kept within a limit.

What is read at random has to be on this machine. A set of shards is copied
once, into a folder named by its digest; sets that were not used for the longest
time make room. A process that has mapped a set may go on after that.
"""

import fcntl
import os
import pathlib
import shutil

from mp_keras import files
from pipeline.datasets import tfrecord_shards
from pipeline.storage import artifact_store
from pipeline.storage import places

_LOCK = ".lock"


def local_folder(uri, description, root, limit_gib):
    """Returns the folder on this machine that has the shards of a URI.

    Args:
        uri: Str, folder of shards.
        description: Dict, its manifest.
        root: Path-like, folder of all copies, made if it is missing.
        limit_gib: Float, GiB that all copies may take.

    Raises: ValueError, if the shards alone exceed the limit, or a copy is not
        what its manifest says; ConnectionError.
    """
    root = pathlib.Path(root).expanduser()
    root.mkdir(parents=True, exist_ok=True)
    folder = root / description["digest"]
    with open(root / _LOCK, "w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)  # another process may be copying it
        if not (folder / tfrecord_shards.MANIFEST).exists():
            _make_room(root, uri, _bytes_of(description), limit_gib)
            with files.new_directory(folder) as partial:
                artifact_store.download(uri, partial)
                for part in description["shards"].values():
                    for shard in part:
                        tfrecord_shards.check_shard(
                            partial / shard["name"], shard
                        )
        os.utime(folder)
    return folder


def describe(uri):
    """Returns the manifest of the shards of a URI, or None without one."""
    manifest = f"{uri}/{tfrecord_shards.MANIFEST}"
    return places.read_json(manifest) if places.exists(manifest) else None


def is_larger(description, gib):
    """Whether the images of a manifest take more than that."""
    return _bytes_of(description) > gib * 2**30


def _bytes_of(description):
    images = description["train_examples"] + description["test_examples"]
    return tfrecord_shards.image_bytes(description["image_size"]) * images


def _make_room(root, uri, needed, limit_gib):
    limit = limit_gib * 2**30
    if needed > limit:
        raise ValueError(
            "Config key `data.cache_gib` must have room for the shards of "
            f"{uri}, {needed / 2**30:.3g} GiB. Received: "
            f"data.cache_gib={limit_gib:g}"
        )
    files.remove_partial(root)
    kept = sorted(
        (path for path in root.iterdir() if path.is_dir()),
        key=lambda path: path.stat().st_mtime,
    )
    sizes = [
        sum(file.stat().st_size for file in path.iterdir()) for path in kept
    ]
    total = sum(sizes)
    for path, size in zip(kept, sizes):
        if total + needed <= limit:
            return
        shutil.rmtree(path)
        total -= size
