"""Small files at a place: a path of this machine or a URI of a store."""

import pathlib
import shutil
import tempfile

from mp_keras import files
from mp_keras import given_files
from pipeline.storage import artifact_store


def read_json(place):
    """Returns the value of a JSON file.

    Raises: FileNotFoundError; ConnectionError, if a store cannot be reached;
        ValueError, naming the place, if it does not parse.
    """
    if not artifact_store.is_uri(place):
        return files.read_json(place)
    return files.parse_json(lambda: artifact_store.read_bytes(place), place)


def read_bytes(place):
    """Returns the bytes of a file.

    Raises: FileNotFoundError; ConnectionError, if a store cannot be reached.
    """
    if artifact_store.is_uri(place):
        return artifact_store.read_bytes(place)
    return given_files.read(place, given_files.DATA_BYTES)


def write_json(place, value):
    """Writes a JSON file in one step; makes its folder."""
    folder, _, name = str(place).rpartition("/")
    with tempfile.TemporaryDirectory() as local:
        files.write_json(pathlib.Path(local, name), value)
        put(local, folder)


def put(folder, place):
    """Copies the files of a folder, each whole or not at all.

    Args:
        folder: Path-like.
        place: Path or URI of another folder, made if it is missing.

    Raises: ConnectionError, if a store cannot be reached.
    """
    if artifact_store.is_uri(place):
        artifact_store.upload(folder, place)
        return
    place = pathlib.Path(place)
    place.mkdir(parents=True, exist_ok=True)
    for file in sorted(pathlib.Path(folder).iterdir()):
        with tempfile.TemporaryDirectory(dir=place, prefix=".partial-") as new:
            copied = shutil.copyfile(file, pathlib.Path(new, file.name))
            pathlib.Path(copied).replace(place / file.name)


def exists(place):
    """Returns whether a file is there.

    Raises: ConnectionError, if a store cannot be reached.
    """
    if not artifact_store.is_uri(place):
        return pathlib.Path(place).exists()
    folder, _, name = str(place).rpartition("/")
    return name in artifact_store.names_in(folder)


def remove_folder(place):
    """Removes a folder with all in it, if there is one.

    Raises: ConnectionError, if a store cannot be reached.
    """
    if artifact_store.is_uri(place):
        artifact_store.remove(place)
    else:
        shutil.rmtree(place, ignore_errors=True)
