"""The folder that shards are written to: whole at the end, or not there."""

import contextlib
import pathlib

from mp_keras import files
from pipeline.datasets import tfrecord_shards
from pipeline.storage import artifact_store

# What a run keeps for itself while it works.
WORK_PREFIX = "work-"


@contextlib.contextmanager
def new_folder(directory):
    """Yields the place to write to, which is `directory` in the end.

    On this machine the folder is renamed when the block succeeds. A store has
    no rename: there an earlier result is removed first, and what a failed
    block leaves has no manifest.

    Args:
        directory: Whole path, or URI.

    Raises: ConnectionError, if a store cannot be reached; ValueError, if there
        is anything but an earlier result.
    """
    if not artifact_store.is_uri(directory):
        path = pathlib.Path(directory)
        if path.is_dir():
            _check_names(directory, [child.name for child in path.iterdir()])
        elif path.exists():
            _check_names(directory, [path.name])
        with files.new_directory(path) as folder:
            yield str(folder)
        return
    old = artifact_store.names_in(directory)
    _check_names(directory, old)
    artifact_store.remove(f"{directory}/{tfrecord_shards.MANIFEST}")
    for name in filter(_is_shard, old):
        artifact_store.remove(f"{directory}/{name}")
    yield directory


def _check_names(directory, names):
    """Refuses a folder with anything in it that is not ours."""
    others = [
        name
        for name in names
        if name != tfrecord_shards.MANIFEST
        and not name.startswith((WORK_PREFIX, "."))
        and not _is_shard(name)
    ]
    if others:
        raise ValueError(
            f"`directory` {directory} must be empty or new, or hold nothing "
            f"but an earlier result. Received: {min(others)}"
        )


def _is_shard(name):
    """Whether a file is a shard or the index of one."""
    name = name.removesuffix(tfrecord_shards.INDEX_SUFFIX)
    return bool(tfrecord_shards.SHARD_NAME.fullmatch(name))
