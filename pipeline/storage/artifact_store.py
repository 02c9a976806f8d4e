"""Files and folders by URI: gs://, s3:// and whatever else fsspec reads.

Runs, pushed models and data may lie in an object store. The library and its
trainings work on plain files; here is what carries them there and back. The
trap: an object store has no rename. What makes a folder whole, such as
`saved_model.pb` or `result.json`, is therefore uploaded last.
"""

import contextlib
import hashlib
import pathlib
import tempfile

import fsspec

from mp_keras import error_texts
from mp_keras import files

_SMALL = 2**20  # bytes
_NOT_CARRIED = ("lock", "lease.json")  # they are of their own places
# Uploaded after all else, in this order: what points to other files.
_LAST = ("checkpoint", files.SAVED_MODEL, "result.json")


def is_uri(place):
    """Returns whether a place is a URI, and no path."""
    return "://" in str(place)


def resolved(place):
    """Returns a URI as it is, without a slash at its end, or a whole path."""
    if is_uri(place):
        return str(place).rstrip("/")
    return str(pathlib.Path(place).expanduser().resolve())


def names_in(uri):
    """Returns the names of what lies in a folder, [] if there is none."""
    system, path = _open(uri)
    with _Reaching(uri):
        system.invalidate_cache()
        if not system.isdir(path):
            return []
        return sorted(
            entry.rstrip("/").rpartition("/")[2]
            for entry in system.ls(path, detail=False)
        )


def find(uri):
    """Returns the sorted names, below a folder, of all files in it.

    [] if there is no such folder.

    Raises: ConnectionError, if the store cannot be reached.
    """
    system, path = _open(uri)
    with _Reaching(uri):
        system.invalidate_cache()
        if not system.isdir(path):
            return []
        return sorted(
            file.removeprefix(path).lstrip("/") for file in system.find(path)
        )


def read_bytes(uri):
    """Returns the bytes of a file.

    Raises: FileNotFoundError; ConnectionError, if the store cannot be reached.
    """
    system, path = _open(uri)
    with _Reaching(uri):
        return system.cat_file(path)


def write_bytes(uri, content):
    """Writes a file, as wholly as the store does it.

    Raises: ConnectionError, if the store cannot be reached.
    """
    system, path = _open(uri)
    with _Reaching(uri):
        system.makedirs(path.rpartition("/")[0], exist_ok=True)
        system.pipe_file(path, content)


def remove(uri):
    """Removes a file, or a folder with all in it, if there is one.

    Raises: ConnectionError, if the store cannot be reached.
    """
    system, path = _open(uri)
    with _Reaching(uri):
        system.invalidate_cache()
        if system.exists(path):
            system.rm(path, recursive=True)


def download(uri, folder):
    """Copies a file, or a folder with all that is in it.

    Args:
        uri: Str.
        folder: Path-like of an existing folder. A file gets its name there; a
            folder's content goes into it.

    Returns: the path of the file, or `folder`.
    Raises: FileNotFoundError, if there is nothing; ConnectionError, if the
        store cannot be reached.
    """
    system, path = _open(uri)
    folder = pathlib.Path(folder)
    with _Reaching(uri):
        if system.isfile(path):
            target = folder / path.rpartition("/")[2]
            system.get_file(path, str(target))
            return target
        if not system.isdir(path):
            raise FileNotFoundError(
                f"URI {uri} must name a file or a folder. Received: neither"
            )
        for file in system.find(path):
            target = folder / file.removeprefix(path).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            system.get_file(file, str(target))
    return folder


def upload(folder, uri, names=None, replaced=()):
    """Copies a folder's files into a folder of a store.

    Args:
        folder: Path-like.
        uri: Str.
        names: Relative paths to copy, or None (default) for all.
        replaced: Container of the names that are there already. These, and
            small files, are copied beside their places first: a connection
            that breaks leaves the old ones whole, or none.

    Raises: ConnectionError, if the store cannot be reached.
    """
    system, path = _open(uri)
    folder = pathlib.Path(folder)
    if names is None:
        names = files.file_stamps(folder)
    with _Reaching(uri):
        for file in sorted(map(pathlib.Path, names), key=_upload_order):
            target = f"{path}/{file.as_posix()}"
            parent, _, name = target.rpartition("/")
            system.makedirs(parent, exist_ok=True)
            small = (folder / file).stat().st_size <= _SMALL
            if small or file.as_posix() in replaced:
                partial = f"{parent}/{files.PARTIAL}{name}"
                system.put_file(str(folder / file), partial)
                system.mv(partial, target)
            else:
                system.put_file(str(folder / file), target)


def fingerprint(uri):
    """Returns a digest of what the store says of a file or folder.

    Names, sizes and, as the store has them, checksums or times; the bytes are
    not read.

    Raises: FileNotFoundError, ConnectionError, as `download`.
    """
    system, path = _open(uri)
    digest = hashlib.sha256()
    with _Reaching(uri):
        found = system.find(path)
        if not found:
            raise FileNotFoundError(
                f"URI {uri} must name data that is there. Received: nothing"
            )
        for file in sorted(found):
            name = file.removeprefix(path)
            digest.update(f"{name} {system.ukey(file)}\n".encode())
    return digest.hexdigest()[:16]


class Mirror:
    """A folder of this machine that follows one in a store.

    A run works in `path`; `push` carries over what has changed since.

    Args:
        uri: Str, the folder in the store; what is there is downloaded.

    Attributes: `path`, the local folder, removed when this object is; `uri`.
    Raises: ConnectionError, if the store cannot be reached.
    """

    def __init__(self, uri):
        self.uri = uri.rstrip("/")
        self._folder = tempfile.TemporaryDirectory(prefix="mirror-")
        self.path = pathlib.Path(self._folder.name)
        if names_in(self.uri):
            download(self.uri, self.path)
        self._known = self._state()
        for waste in self.path.rglob(f"{files.PARTIAL}*"):  # broken uploads
            if waste.is_file():
                waste.unlink()

    def push(self):
        """Uploads new and changed files, then removes what is gone."""
        state = self._state()
        changed = [
            file
            for file, stamp in state.items()
            if self._known.get(file) != stamp
        ]
        upload(self.path, self.uri, changed, self._known)
        system, path = _open(self.uri)
        with _Reaching(self.uri):
            for file in self._known.keys() - state.keys():
                # What a broken upload left has been used, and is gone.
                with contextlib.suppress(FileNotFoundError):
                    system.rm_file(f"{path}/{file}")
        self._known = state

    def _state(self):
        return {
            file: stamp
            for file, stamp in files.file_stamps(self.path).items()
            if pathlib.PurePath(file).name not in _NOT_CARRIED
        }


@contextlib.contextmanager
def working_copy(place):
    """Yields a folder's path on this machine.

    What changes in it is in the store as well when the block succeeds.

    Args:
        place: Path-like, yielded as it is; or URI.

    Raises: ConnectionError, if the store cannot be reached.
    """
    if not is_uri(place):
        yield pathlib.Path(place)
        return
    mirror = Mirror(place)
    yield mirror.path
    mirror.push()


class _Reaching:
    """Says which store it was when one cannot be reached."""

    def __init__(self, uri):
        self._uri = uri

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        # Each store's client has errors of its own.
        if error is None or isinstance(error, FileNotFoundError):
            return
        if isinstance(error, Exception):
            raise _unreachable(self._uri, error) from error


def _open(uri):
    """Returns the file system of a URI and the path there."""
    try:
        system, path = fsspec.core.url_to_fs(str(uri))
    except ImportError as error:  # the client of this store
        raise ConnectionError(
            f"Store {uri} needs a Python package that is not installed: "
            f"gcsfs for gs://, s3fs for s3://. Received: {error}"
        ) from error
    except Exception as error:
        raise _unreachable(uri, error) from error
    return system, path.rstrip("/")


def _unreachable(uri, error):
    return ConnectionError(
        f"Store {uri} must be reachable, with a right to read and write. "
        f"Received: {error_texts.named(error)}"
    )


def _upload_order(file):
    return (_LAST.index(file.name) if file.name in _LAST else -1, str(file))
