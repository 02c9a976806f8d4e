"""Configs on their way through the pipeline: as JSON, with fingerprints.

A stage is done again when anything that decides its result has changed: its
arguments, the bytes of the data, or the software.
"""

import hashlib
import importlib.metadata
import json
import pathlib

import ml_collections

from pipeline.datasets.sources import catalogue
from pipeline.listing import folder_tree
from pipeline.listing import image_table
from pipeline.storage import artifact_store

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_PACKAGES = (
    "keras",
    "matplotlib",
    "numpy",
    "pillow",
    "scikit-learn",
    "tensorflow",
    "tensorflow-datasets",
)


def to_json(config):
    """Returns a `ConfigDict` as JSON with sorted keys."""
    return json.dumps(config.to_dict(), sort_keys=True)


def from_json(text):
    """Returns the unlocked `ConfigDict` of `to_json`'s text.

    Raises: ValueError, if it is no JSON object.
    """
    try:
        value = json.loads(text)
        if not isinstance(value, dict):
            raise TypeError(type(value).__name__)
        return ml_collections.ConfigDict(value)
    # Keys with dots in them, nested without end, and others.
    except Exception as error:
        raise ValueError(
            "The text of a config must be a JSON object. "
            f"Received: {text[:60]!r}, {type(error).__name__}: {error}"
        ) from error


def software_fingerprint():
    """Returns a digest of our sources and of the packages' versions."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        version = importlib.metadata.version(package)
        digest.update(f"{package} {version}\n".encode())
    for folder in ("mp_keras", "pipeline"):
        for file in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(str(file.relative_to(_ROOT)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def source_fingerprint(source, manual_dir=""):
    """Returns a digest of the bytes behind a source.

    Args:
        source: Str, as for `datasets.load_images`. Of folders their images
            count, of tables those that they name too. Of `paper:` and `tfds:`
            sources the manual folder counts; the rest is in their code's
            version. Of `subset:` sources their file in it counts.
        manual_dir: Str, the folder of data put there by hand, or "".

    Raises:
        FileNotFoundError: If a path is not there.
        ConnectionError: If the store of a URI cannot be reached.
        ValueError: If there is no `subset:` of that name, or a table is none.
    """
    source_kind, _, place = source.partition(":")
    if source_kind == "subset" and "+" in place:
        return "+".join(
            source_fingerprint(f"subset:{name}", manual_dir)
            for name in place.split("+")
        )
    if source_kind in ("paper", "tfds"):
        if not manual_dir:
            return source
        place = manual_dir
    elif source_kind == "subset":
        place = f"{manual_dir or '.'}/{catalogue.subset_entry(place).file}"
    if artifact_store.is_uri(place):
        return artifact_store.fingerprint(place)
    path = pathlib.Path(place).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"Source {source} must name data that is there. Received: {path}, "
            "which does not exist"
        )
    digest = hashlib.sha256()
    for name, file in _files(source_kind, path):
        digest.update(name.encode("utf-8", "surrogateescape"))
        with open(file, "rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]


def _files(source_kind, path):
    """Yields the names and places of the files of a source, in an order."""
    if source_kind == "folder" and path.is_dir():
        tree = folder_tree.FolderTree(path)  # which follows links to folders
        for file in tree.images_and_others()[0]:
            yield tree.name(file), file
        return
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            yield str(file.relative_to(path)), file
    if source_kind == "csv":
        table = image_table.ImageTable(path)
        for file, *_ in table.rows:
            yield table.name(file), file
