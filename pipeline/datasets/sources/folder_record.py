"""Which files a run trains and tests on, noted so that later calls use them.

A folder is cut by its list of files: with one file more, another cut would
test on what was trained on. So the first call notes names and digests:

    classes     names, in the order of the labels
    split       whether the source has parts of its own, or is cut
    train       {name below the folder: SHA-256 of the file}
    validation  the same, where the source has such a part
    test        the same
    left_out    the same: images of other parts that are in `train` too
    labels      {name: class} of a table; in a folder, names tell it
"""

import collections

import numpy as np
from absl import logging

from pipeline.listing import folder_tree

_PARTS = ("train", "validation", "test")
_SHOWN = 5  # names in a message


def make(listing, files, digests, labels, kept, left_out):
    """Returns the record of the images of one call.

    Args:
        listing: `Listing` of the source.
        files, digests: Sequences of str, one per image.
        labels: Int array, one per image.
        kept: Dict from a part to a bool array, which images are of it.
        left_out: Bool array, which images are of none.
    """
    record = {"classes": list(listing.names), "split": listing.is_split}
    for part, chosen in {**kept, "left_out": left_out}.items():
        some = np.flatnonzero(chosen)
        record[part] = {files[index]: digests[index] for index in some}
    if listing.in_table:
        record["labels"] = {
            file: listing.names[label] for file, label in zip(files, labels)
        }
    return record


def noted_cut(noted, listing, for_training):
    """Returns the noted files that are still there, as a cut.

    Args:
        noted: A record.
        listing: `Listing` of the source as it is now.
        for_training: Bool: training needs every noted file.

    Returns: class names; {part: (places, labels)}.
    Raises: ValueError, if a noted file is gone that is needed, none is left,
        or one is of another class now.
    """
    place = listing.place
    found = [
        (file, listing.names[label])
        for files, labels in listing.parts.values()
        for file, label in zip(files, labels)
    ]
    names = [listing.name_of(file) for file, _ in found]
    current = dict(zip(_as_noted(noted, names), found))
    new = sorted(set(current) - _noted_names(noted))
    gone = [
        name
        for part in _PARTS
        for name in noted.get(part, ())
        if name not in current
    ]
    none_left = not any(name in current for name in noted["test"])
    if (for_training and gone) or none_left:
        raise ValueError(
            f"{place} must hold the images that this run began with; another "
            "data set needs a workdir of its own. "
            f"Received: {_listed(gone, 'gone')}; {_listed(new, 'new')}"
        )
    classes = noted.get("labels", {})
    moved = [
        name
        for name, label in classes.items()
        if name in current and current[name][1] != label
    ]
    if moved:
        raise ValueError(
            f"{place} must give the images the classes that this run began "
            "with; another data set needs a workdir of its own. "
            f"Received: {_listed(moved, 'of another class')}"
        )
    if gone or new:
        logging.warning(
            "%s: the run's own cut is used. %s; %s, not used",
            place,
            _listed(gone, "gone"),
            _listed(new, "new"),
        )
    numbers = {  # runs once noted names in the form of their folders
        folder_tree.composed(name): label
        for label, name in enumerate(noted["classes"])
    }
    parts = {}
    for part in _PARTS:
        if part in noted:
            found = [current[name] for name in noted[part] if name in current]
            labels = [numbers[folder_tree.composed(name)] for _, name in found]
            files = [file for file, _ in found]
            parts[part] = files, np.array(labels, np.int64)
    return tuple(noted["classes"]), parts


def check_unchanged(noted, found, place):
    """Refuses files whose content is not the noted one.

    Args:
        noted: A record.
        found: Dict from names to digests.
        place: Str, what messages call the folder.

    Raises: ValueError, which names the first files.
    """
    digests = {}
    for part in _PARTS:
        digests |= noted.get(part, {})
    names = _as_noted(noted, found)
    changed = [
        name
        for name, digest in zip(names, found.values())
        if digests[name] != digest
    ]
    if changed:
        raise ValueError(
            f"{place} must hold the images that this run began with; another "
            "data set needs a workdir of its own. "
            f"Received: {_listed(changed, 'changed')}"
        )


def _noted_names(noted):
    parts = (noted.get(part, ()) for part in (*_PARTS, "left_out"))
    return set().union(*parts)


def _as_noted(noted, names):
    """Returns names in the Unicode form in which they were noted.

    Args:
        noted: A record.
        names: Iterable of str.
    """
    known = _noted_names(noted)
    forms = {
        folder_tree.composed(name): name for name in known.difference(names)
    }
    return [
        name if name in known else forms.get(folder_tree.composed(name), name)
        for name in names
    ]


def repeated(digests, labels, parts, place):
    """Returns which images are in another part that they should not be in.

    Those of the test part that are training images, and those of the validation
    part that are training or test images. Images in two classes, and images
    that are there twice, are said in one warning.

    Args:
        digests: Sequence of str, one per image.
        labels: Int array, one per image.
        parts: Str array, the part of each image.
        place: Str, what messages call the folder.

    Returns: bool array, one per image.
    """
    seen = collections.defaultdict(list)
    for index, digest in enumerate(digests):
        seen[digest].append(index)
    leaking = np.zeros(len(digests), bool)
    twice = in_classes = 0
    for indices in seen.values():
        if len(indices) == 1:
            continue
        twice += len(indices) - 1
        in_classes += len(set(labels[indices])) > 1
        # What is trained on tests nothing, what tests decides nothing.
        for part in ("train", "test"):
            if (parts[indices] == part).any():
                leaking[indices] = parts[indices] != part
                break
    if twice:
        held = (leaking & (parts == "validation")).sum()
        logging.warning(
            "%s: %d images are there more than once (the same bytes), %d of "
            "them in more than one class; %d test images are training images "
            "too%s",
            place,
            twice,
            in_classes,
            (leaking & (parts == "test")).sum(),
            f", {held} validation images are in another part" * bool(held),
        )
    return leaking


def _listed(names, what):
    shown = ", ".join(names[:_SHOWN]) + ", ..." * (len(names) > _SHOWN)
    return f"{len(names)} {what}" + f" ({shown})" * bool(names)
