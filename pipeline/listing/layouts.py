"""The layouts that labelled images come in, listed without reading one.

PATH/<class>/                        one part, to be cut
PATH/train/<class>/, PATH/test/...   the parts are given; also `val` or
                                     `valid`, for validation, and as the
                                     test part where there is no other
a zip file of either
a table with a column of files and one of classes (image_table.py)
"""

import collections
import dataclasses
import typing

import numpy as np
from absl import logging

from pipeline.listing import folder_tree
from pipeline.listing import image_table
from pipeline.listing import source_names

WHOLE = "whole"  # the one part of what is not cut yet
_SHOWN = 5  # kinds in a message
_DEEPEST = 4  # folders above the classes that an error looks into


@dataclasses.dataclass(frozen=True, eq=False)
class Listing:
    """Which labelled images a source has.

    Attributes:
        place: What messages call the source.
        names: Tuple of str, the classes, one per label; those of folders in
            Unicode's NFC.
        parts: Dict from `WHOLE`, or from "train", "test" and, if there is
            one, "validation", to a list of places and int64 labels `(n,)`.
        name_of: Function from a place to the name that a run notes.
        in_table: Bool, default False: whether a table says the classes, and
            no name of a folder.
    """

    place: object
    names: tuple
    parts: dict
    name_of: typing.Callable
    in_table: bool = False

    @property
    def is_split(self):
        """Whether the source says what is for training, and what for tests."""
        return WHOLE not in self.parts

    def counts(self, part=None):
        """Returns the number of images of each class, a list of ints.

        Args:
            part: Str, or None for that which is not cut yet.
        """
        labels = self.parts[part or WHOLE][1]
        return np.bincount(labels, minlength=len(self.names)).tolist()


def list_source(kind, place):
    """Returns the `Listing` of a source.

    Names that start with a dot are left out, and so are what systems leave
    behind (`folder_tree.LEFTOVERS`), files with other suffixes than images
    have, and folders beside those of parts; the log counts them. Classes and
    files are sorted by name. Classes of folders are called by their names in
    Unicode's NFC; names of files stay as they are. The log warns of classes
    whose names differ in case only.

    Args:
        kind: Str, one of `source_names.LISTED`.
        place: Str, path; of a folder, or URI.

    Raises:
        ConnectionError: If the store of a URI cannot be reached.
        FileNotFoundError: If there is no such folder or file.
        ValueError: If there is no class, a class has too few images or is in
            the test part only, or two have the same name in NFC; where another
            source can be meant, it says so.
    """
    if kind == "csv":
        listing = _list_table(image_table.ImageTable(place))
    else:
        listing = _list_tree(open_tree(kind, place), kind)
    _check_counts(listing)
    return listing


def open_tree(kind, place):
    """Returns the `FolderTree` of a folder, or of a zip file."""
    trees = {"folder": folder_tree.FolderTree, "zip": folder_tree.ZipTree}
    return trees[kind](place)


def _list_tree(tree, kind):
    folders = part_folders(tree)
    if not folders:
        names, *whole = list_classes(tree, kind=kind)
        return Listing(tree.place(), names, {WHOLE: tuple(whole)}, tree.name)
    ignored = [name for name in tree.folders() if name not in folders.values()]
    if ignored:
        logging.warning(
            "%s: only %s are read. Ignored: %s",
            tree.place(),
            _quoted(folders.values()),
            ", ".join(ignored),
        )
    found = {part: list_classes(tree, name) for part, name in folders.items()}
    names = found["train"][0]
    _warn_of_case(tree.place(folders["train"]), names)
    parts = {}
    for part, (own, files, labels) in found.items():
        unknown = sorted(set(own) - set(names))
        if unknown:
            raise ValueError(
                f"Each class of {tree.place(folders[part])} must be in "
                f"{tree.place(folders['train'])} too. "
                f"Received: {part} only: {', '.join(unknown)}"
            )
        numbers = np.array([names.index(name) for name in own], np.int64)
        parts[part] = files, numbers[labels]
    return Listing(tree.place(), names, parts, tree.name)


def part_folders(tree):
    """Returns {"train": name, ...} of the folders of parts, or {}.

    A folder is one if it has a part's name and folders in it; `train` with
    images in it is a class.

    Raises: ValueError, if a part is there twice, or `train` alone.
    """
    found = {}
    for name in tree.folders():
        part = source_names.PARTS.get(name.lower())
        if part and tree.folders(name):
            found.setdefault(part, []).append(name)
    if "train" not in found:
        return {}
    twice = [names for names in found.values() if len(names) > 1]
    if twice:
        raise ValueError(
            f"{tree.place()} must hold each part once. "
            f"Received: {_quoted(twice[0])}"
        )
    (train,), *others = found.pop("train"), *found.values()
    if not others:
        raise ValueError(
            f"{tree.place()} must hold `test` or `val` next to `{train}`, with "
            "a folder per class; without, name the folder to be cut: "
            f"folder:{tree.place(train)}. "
            f"Received: {', '.join(tree.folders())}"
        )
    return {"train": train} | {part: name for part, (name,) in found.items()}


def list_classes(tree, *part, kind="folder"):
    """Lists a folder that holds one folder per class.

    Args:
        tree: `FolderTree`.
        *part: Strs, the names of folders from the root of the tree down to
            that folder; none for the root.
        kind: Str, the kind of the source, for messages.

    Returns:
        `(class names, files, labels)`: a sorted tuple of str in Unicode's
        NFC, a list of places, and int64 `(n,)`.

    Raises:
        ValueError: If there is no class, or a class without an image, if two
            have the same name in NFC, or if all classes at the root are called
            like parts of a data set.
    """
    folders = tuple(tree.folders(*part))
    if not folders:
        raise ValueError(
            f"{tree.place(*part)} must hold one folder per class."
            f"{_parent_hint(tree, part, kind)} Received: no folder"
        )
    if not part and all(name.lower() in source_names.PARTS for name in folders):
        raise ValueError(
            f"{tree.place()} must hold one folder per class, or its parts, "
            "called `train` and `test`, with these in them. "
            f"Received: {', '.join(folders)}"
        )
    if not part and len(folders) == 1:
        _check_depth(tree, folders, kind)
    _warn_of_folders_below(tree, part, folders)
    by_name = _by_name(tree.place(*part), folders)
    names = tuple(sorted(by_name))
    if not part:
        _warn_of_case(tree.place(), names)
    files, labels, skipped = [], [], tree.left_out(*part)
    for label, name in enumerate(names):
        folder = by_name[name]
        found, others = tree.images_and_others(*part, folder)
        if not found:
            raise ValueError(
                f"{tree.place(*part, folder)} must hold at least one image "
                f"({', '.join(folder_tree.SUFFIXES)}). "
                f"Received: {counted(others) or 'none'}"
            )
        files += found
        labels += [label] * len(found)
        skipped += others
    if skipped:
        logging.warning(
            "%s: left out %d that are no images of a class: %s",
            tree.place(*part),
            skipped.total(),
            counted(skipped),
        )
    return names, files, np.array(labels, np.int64)


def list_to_test(tree, kind="folder"):
    """Lists the images to test on, as `list_classes`.

    They are those of the test part, or else of the validation part; all, where
    there are no parts.

    Args:
        tree: `FolderTree`.
        kind: Str, the kind of the source, for messages.
    """
    folders = part_folders(tree)
    part = [folders.get("test") or folders["validation"]] if folders else []
    return list_classes(tree, *part, kind=kind)


def _by_name(place, written):
    """Returns {name in NFC: name as it is written} of classes.

    Args:
        place: What messages call the source.
        written: Sequence of str.

    Raises: ValueError, if two are the same in NFC.
    """
    found = collections.defaultdict(list)
    for name in written:
        found[folder_tree.composed(name)].append(name)
    for same in found.values():
        if len(same) > 1:
            shown = " and ".join(f"{name} ({ascii(name)})" for name in same)
            raise ValueError(
                f"{place} must call each class by one name. Received: {shown}, "
                "which look the same and differ in their Unicode form only"
            )
    return {name: same[0] for name, same in found.items()}


def _warn_of_case(place, names):
    """Warns of classes that may be one."""
    alike = collections.defaultdict(list)
    for name in names:
        alike[name.casefold()].append(name)
    alike = [" and ".join(same) for same in alike.values() if len(same) > 1]
    if alike:
        logging.warning(
            "%s: classes differ in upper and lower case only: %s. Should they "
            "be one, call them by one name",
            place,
            ", ".join(alike[:_SHOWN]) + ", ..." * (len(alike) > _SHOWN),
        )


def _check_depth(tree, names, kind):
    """Refuses one class that holds the folders of the classes."""
    above = names
    while len(above) < _DEEPEST and len(tree.folders(*above)) == 1:
        above += tuple(tree.folders(*above))
    if kind == "folder" and len(tree.folders(*above)) > 1:
        place = tree.place(*above)
        raise ValueError(
            f"{tree.place()} must hold one folder per class. "
            f"Did you mean folder:{place}? Received: one folder, {names[0]}"
        )


def _warn_of_folders_below(tree, part, names):
    """Warns where the folders below may be the classes, as of year/class."""
    below = [
        set(map(folder_tree.composed, tree.folders(*part, n))) for n in names
    ]
    shared = set.intersection(*below)
    if len(names) > 1 and len(shared) > 1 and set().union(*below) == shared:
        logging.warning(
            "%s: the classes are %s, and all of them hold the folders %s. "
            "Should these be the classes, put each of them at the top, once",
            tree.place(*part),
            ", ".join(names[:_SHOWN]) + ", ..." * (len(names) > _SHOWN),
            ", ".join(sorted(shared)[:_SHOWN]),
        )


def _parent_hint(tree, part, kind):
    """Says where to look, if a folder is one class of many."""
    place = tree.place(*part)
    if part or kind != "folder" or "://" in str(place):
        return ""
    parent = place.resolve().parent
    siblings = folder_tree.FolderTree(parent)
    classes = [
        name
        for name in siblings.folders()
        if any(
            child.suffix.lower() in folder_tree.SUFFIXES
            for child in siblings.place(name).iterdir()
        )
    ]
    if place.resolve().name not in classes or len(classes) < 2:
        return ""
    return f" Did you mean folder:{parent}?"


def _list_table(table):
    """Returns the `Listing` of an `ImageTable`."""
    names = table.class_names
    _by_name(table.path, names)
    _warn_of_case(table.path, names)
    rows = collections.defaultdict(lambda: ([], []))
    for file, name, part in table.rows:
        rows[part or WHOLE][0].append(file)
        rows[part or WHOLE][1].append(names.index(name))
    parts = {
        part: (files, np.array(labels, np.int64))
        for part, (files, labels) in sorted(rows.items())
    }
    if WHOLE not in parts and not ("train" in parts and len(parts) > 1):
        raise ValueError(
            f"Column {table.part_column!r} of {table.path} must say train and "
            f"test, or val. Received: {', '.join(parts)} alone"
        )
    if WHOLE not in parts:
        trained = np.unique(parts["train"][1])
        unknown = [name for i, name in enumerate(names) if i not in trained]
        if unknown:
            raise ValueError(
                f"Each class of {table.path} must have training images. "
                f"Received: none of {', '.join(unknown[:_SHOWN])}"
            )
    return Listing(table.path, names, parts, table.name, in_table=True)


def _check_counts(listing):
    """Refuses what cannot be cut into a training and a test part."""
    if len(listing.names) < 2:
        raise ValueError(
            f"{listing.place} must have training images of at least 2 classes. "
            f"Received: {list(listing.names)}"
        )
    if listing.is_split:
        return
    counts = listing.counts()
    if min(counts) < 2:
        name = listing.names[counts.index(min(counts))]
        raise ValueError(
            f"Class {name} of {listing.place} must "
            "hold at least 2 images, one for training and one for the test. "
            "Received: 1"
        )


def check_source(source):
    """Refuses a source that cannot be read, as far as names tell.

    Args:
        source: Str, `data.source` of a config.

    Returns: its `Listing`; None for sources that are not listed here.
    Raises: As `source_names.parse` and `list_source`.
    """
    kind, place = source_names.parse(source)
    if kind in source_names.LISTED and "://" not in place:
        return list_source(kind, place)
    return None


def _quoted(names):
    return " and ".join(f"`{name}`" for name in names)


def counted(kinds):
    """Returns how often there are the commonest kinds, as text.

    Args:
        kinds: `collections.Counter` of str.
    """
    texts = [f"{n} x {name}" for name, n in kinds.most_common(_SHOWN)]
    return ", ".join(texts + ["..."] * (len(kinds) > _SHOWN))
