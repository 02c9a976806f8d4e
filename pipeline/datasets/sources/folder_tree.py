"""The image files of a folder, on this machine or in a store."""

import bisect
import collections
import functools
import itertools
import os
import pathlib

from pipeline.datasets import image_files
from pipeline.storage import artifact_store


class FolderTree:
    """Lists a tree of image files by name, the same wherever it lies.

    Names that start with a dot and files that are no images are left out.

    Args:
        root: Path-like or URI of a folder.

    Raises: FileNotFoundError, if there is no such folder; ConnectionError, if
        the store of a URI cannot be reached.
    """

    def __init__(self, root):
        self._in_store = artifact_store.is_uri(root)
        if self._in_store:
            self._root = str(root).rstrip("/")
            found = bool(self._stored)
        else:
            self._root = pathlib.Path(root).expanduser()
            found = self._root.is_dir()
        if not found:
            raise FileNotFoundError(
                f"`source` folder:{self._root} must name a folder. "
                "Received: no such folder"
            )

    def place(self, *parts):
        """Returns the path or URI of a folder or file, for messages too."""
        if self._in_store:
            return "/".join((self._root, *parts))
        return self._root.joinpath(*parts)

    def folders(self, *parts):
        """Returns the sorted names of the folders in a folder, [] if none."""
        if self._in_store:
            depth = len(parts)
            names = {
                name[depth]
                for name in self._stored
                if len(name) > depth + 1 and name[:depth] == parts
            }
        else:
            folder = self._root.joinpath(*parts)
            names = {
                child.name
                for child in (folder.iterdir() if folder.is_dir() else ())
                if child.is_dir()
            }
        return sorted(name for name in names if not name.startswith("."))

    def images_and_others(self, *parts):
        """Returns the images in a folder and below, and what else is there.

        Args:
            *parts: Strs, names of folders from the root down.

        Returns: the sorted places of the images; a `collections.Counter` of
            the suffixes of other files, in lower case, "no suffix" where there
            is none.
        """
        if self._in_store:
            names = self._below(parts)
        else:
            names = self._walk(self._root.joinpath(*parts))
        images, others = [], collections.Counter()
        for name in sorted(names):
            suffix = pathlib.PurePosixPath(name[-1]).suffix.lower()
            if suffix in image_files.SUFFIXES:
                images.append(self.place(*name))
            else:
                others[suffix or "no suffix"] += 1
        return images, others

    def _walk(self, folder):
        """Yields the names of files as tuples of parts below the root."""
        for parent, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            above = pathlib.Path(parent).relative_to(self._root).parts
            for name in names:
                if not name.startswith("."):
                    yield (*above, name)

    def _below(self, parts):
        """Yields the names of the store's files in a folder and below."""
        start = bisect.bisect_left(self._stored, parts)
        for name in itertools.islice(self._stored, start, None):
            if name[: len(parts)] != parts:
                return
            if not any(part.startswith(".") for part in name[len(parts) :]):
                yield name

    @functools.cached_property
    def _stored(self):
        """All files of the store's folder, as sorted tuples of parts."""
        return sorted(
            tuple(name.split("/")) for name in artifact_store.find(self._root)
        )
