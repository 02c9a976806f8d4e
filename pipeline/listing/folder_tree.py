"""The image files of a folder: on this machine, in a store or in a zip file."""

import bisect
import collections
import contextlib
import functools
import itertools
import pathlib
import unicodedata
import zipfile

from pipeline.listing import source_names
from pipeline.listing import zipped_file

SUFFIXES = (
    ".bmp",
    ".gif",
    ".jfif",
    ".jpeg",
    ".jpg",
    ".png",
    ".tif",
    ".tiff",
    ".webp",
)
# Photographs of phones and cameras that nothing here decodes.
UNREAD_SUFFIXES = (
    ".arw",
    ".avif",
    ".cr2",
    ".cr3",
    ".dng",
    ".heic",
    ".heif",
    ".jp2",
    ".jxl",
    ".nef",
)
# Folders of archivers, network drives and systems, in lower case: what lies in
# them are thumbnails, deleted files and notes.
LEFTOVERS = {
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "@eadir",
    "@recently-snapshot",
    "@recycle",
    "__macosx",
    "__pycache__",
    "lost+found",
    "network trash folder",
    "system volume information",
    "temporary items",
}
_UTF8 = 0x800  # flag of a zip file's member: its name is UTF-8


def is_left_out(name):
    """Whether a folder or file of this name is nobody's image or class."""
    return name.startswith(".") or name.lower() in LEFTOVERS


def composed(name):
    """Returns a name in NFC: systems and archivers write NFC or NFD."""
    return unicodedata.normalize("NFC", name)


class FolderTree:
    """Lists a tree of image files by name, the same wherever it lies.

    Left out and counted: names that start with a dot, folders that systems
    leave behind (`LEFTOVERS`), files that are no images. Links to folders are
    followed.

    Args:
        root: Path-like or URI of a folder.

    Raises: FileNotFoundError, if there is no such folder; ConnectionError, if
        the store of a URI cannot be reached.
    """

    def __init__(self, root):
        self._in_store = "://" in str(root)
        if self._in_store:
            self._root = str(root).rstrip("/")
            found = bool(self._stored)
        else:
            self._root = pathlib.Path(root).expanduser()
            found = self._root.is_dir()
        if not found:
            is_file = not self._in_store and self._root.exists()
            raise FileNotFoundError(
                f"`source` folder:{self._root} must name a folder."
                f"{source_names.hint(self._root)} "
                f"Received: {'a file' if is_file else 'no such folder'}"
            )

    def place(self, *parts):
        """Returns the path or URI of a folder or file, for messages too."""
        if self._in_store:
            return "/".join((self._root, *parts))
        return self._root.joinpath(*parts)

    def name(self, place):
        """Returns the name below the root of a place, with slashes."""
        if self._in_store:
            return str(place).removeprefix(f"{self._root}/")
        return place.relative_to(self._root).as_posix()

    def folders(self, *parts):
        """Returns the sorted names of the folders in a folder, [] if none."""
        return sorted(
            name for name in self._folders(parts) if not is_left_out(name)
        )

    def left_out(self, *parts):
        """Returns what in a folder is no folder of images, counted by kind.

        Args:
            *parts: Strs, names of folders from the root down.

        Returns: a `collections.Counter`: folders by their names, "hidden" and
            "loose" files together.
        """
        folders = self._folders(parts)
        found = collections.Counter(
            f"folder {name}" for name in folders if is_left_out(name)
        )
        for name in self._files(parts):
            found["hidden file" if name.startswith(".") else "file"] += 1
        return found

    def _folders(self, parts):
        if self._in_store:
            depth = len(parts)
            return {
                name[depth]
                for name in self._stored
                if len(name) > depth + 1 and name[:depth] == parts
            }
        folder = self._root.joinpath(*parts)
        children = folder.iterdir() if folder.is_dir() else ()
        return {child.name for child in children if child.is_dir()}

    def _files(self, parts):
        if self._in_store:
            depth = len(parts)
            return [
                name[depth]
                for name in self._stored
                if len(name) == depth + 1 and name[:depth] == parts
            ]
        folder = self._root.joinpath(*parts)
        return [child.name for child in folder.iterdir() if child.is_file()]

    def images_and_others(self, *parts, suffixes=SUFFIXES):
        """Returns the images in a folder and below, and what else is there.

        Args:
            *parts: Strs, names of folders from the root down.
            suffixes: Those of images, in lower case.

        Returns: the sorted places of the images; a `collections.Counter` of
            the other files: by suffix, in lower case, "no suffix" where there
            is none, "hidden", or by the folder that was left out.
        """
        if self._in_store:
            names = self._below(parts)
        else:
            names = self._walk(self._root.joinpath(*parts), parts, ())
        images, others = [], collections.Counter()
        for name in sorted(names):
            suffix = pathlib.PurePosixPath(name[-1]).suffix.lower()
            left_out = list(filter(is_left_out, name[len(parts) :]))
            if left_out and left_out[0] == name[-1]:
                others["hidden"] += 1
            elif left_out:
                others[f"in {left_out[0]}"] += 1
            elif suffix in suffixes:
                images.append(self.place(*name))
            else:
                others[suffix or "no suffix"] += 1
        return images, others

    def _walk(self, folder, parts, above):
        """Yields the names of files as tuples of parts below the root.

        Args:
            folder: Path.
            parts: Its name, such a tuple.
            above: Identities of the folders above: a link back ends there.
        """
        status = folder.stat()
        identity = status.st_dev, status.st_ino
        if identity in above:
            return
        for child in folder.iterdir():
            name = (*parts, child.name)
            if child.is_dir():
                yield from self._walk(child, name, (*above, identity))
            else:
                yield name

    def _below(self, parts):
        """Yields the names of the store's files in a folder and below."""
        start = bisect.bisect_left(self._stored, parts)
        for name in itertools.islice(self._stored, start, None):
            if name[: len(parts)] != parts:
                return
            yield name

    @functools.cached_property
    def _stored(self):
        """All files of the store's folder, as sorted tuples of parts."""
        # Late, for it imports TensorFlow.
        from pipeline.storage import artifact_store

        return sorted(
            tuple(name.split("/")) for name in artifact_store.find(self._root)
        )


class ZipTree(FolderTree):
    """The tree of image files in a zip file, which is never unpacked.

    Folders around it, of which there is one alone on each level, are not part
    of it: a zip file of `photos` has the tree of the folder.

    Args:
        path: Path-like of a zip file.

    Raises: FileNotFoundError, if there is none; ValueError, if it is damaged.
    """

    def __init__(self, path):
        self._in_store = True
        self._root = pathlib.Path(path).expanduser()
        if not self._root.is_file():
            raise FileNotFoundError(
                f"`source` zip:{self._root} must name a zip file."
                f"{source_names.hint(self._root)} "
                f"Received: {'a folder' if self._root.is_dir() else 'no such'}"
                f"{'' if self._root.is_dir() else ' file'}"
            )
        self._stored = sorted(
            tuple(name.split("/")) for name in zip_members(self._root)
        )
        self._above = ()
        self._around = collections.Counter()
        while len(only := self.folders()) == 1 and self.folders(*only):
            self._around += self.left_out()
            self._above += tuple(only)
            self._stored = [
                name[1:] for name in self._stored if name[:1] == (only[0],)
            ]

    def left_out(self, *parts):
        found = super().left_out(*parts)
        return found if parts else found + self._around

    def place(self, *parts):
        member = "/".join((*self._above, *parts))
        return zipped_file.ZippedFile(self._root, member)

    def name(self, place):
        return "/".join(place.member.split("/")[len(self._above) :])


def zip_members(path):
    """Returns the files in a zip file, by their names as people know them.

    Args:
        path: Path-like of a zip file.

    Returns: dict from a name, with slashes, to that which `zipfile` knows.
    Raises: ValueError, if the file is damaged, or two names are the same.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    # A damaged file raises nearly anything.
    except Exception as error:
        raise ValueError(
            f"{path} must be a complete zip file; download or copy it again. "
            f"Received: {error}"
        ) from error
    found = {}
    for member in members:
        if member.filename[-1:] in ("/", "\\"):
            continue
        name = _member_name(member)
        if name in found:
            raise ValueError(
                f"{path} must hold each file once. "
                f"Received: two members of the name {name!r}"
            )
        found[name] = member.filename
    return found


def _member_name(member):
    """Returns the name of a `zipfile.ZipInfo` as people know it."""
    name = member.filename
    if not member.flag_bits & _UTF8:
        # macOS writes UTF-8 without the flag, which is taken for cp437.
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode()
    # Some programs of Windows write backslashes, `tar` writes "./".
    *folders, file = name.replace("\\", "/").split("/")
    return "/".join([*(folder for folder in folders if folder != "."), file])
