"""Which files a run trains and tests on, noted so that later calls use them.

A folder is cut by its list of files: with one file more, another cut would
test on what was trained on. So the first call notes names and digests:

    classes   names, in the order of the labels
    split     whether the folder has `train` and `test`, or is cut
    train     {name below the folder: SHA-256 of the file}
    test      the same
    left_out  the same: images of `test` that are in `train` too
"""

import collections

import numpy as np
from absl import logging

_PARTS = ("train", "test")
_SHOWN = 5  # names in a message


def noted_cut(noted, current, class_of, place, for_training):
    """Returns the noted files that are still there, as a cut.

    Args:
        noted: A record.
        current: Dict from names of images below the folder to their places.
        class_of: Function from such a name to that of its class.
        place: Str, what messages call the folder.
        for_training: Bool: training needs every noted file.

    Returns: class names; for training and for the test, places and labels.
    Raises: ValueError, if a noted file is gone that is needed, or none is left.
    """
    known = {name for part in (*_PARTS, "left_out") for name in noted[part]}
    new = sorted(set(current) - known)
    gone = {
        part: [name for name in noted[part] if name not in current]
        for part in _PARTS
    }
    missing = gone["train"] + gone["test"]
    if (for_training and missing) or len(gone["test"]) == len(noted["test"]):
        raise ValueError(
            f"{place} must hold the images that this run began with; another "
            "data set needs a workdir of its own. "
            f"Received: {_listed(missing, 'gone')}; {_listed(new, 'new')}"
        )
    if missing or new:
        logging.warning(
            "%s: the run's own cut is used. %s; %s, not used",
            place,
            _listed(missing, "gone"),
            _listed(new, "new"),
        )
    classes = tuple(noted["classes"])
    parts = []
    for part in _PARTS:
        names = [name for name in noted[part] if name in current]
        labels = [classes.index(class_of(name)) for name in names]
        files = [current[name] for name in names]
        parts.append((files, np.array(labels, np.int64)))
    return classes, *parts


def check_unchanged(noted, found, place):
    """Refuses files whose content is not the noted one.

    Args:
        noted: A record.
        found: Dict from names to digests.
        place: Str, what messages call the folder.

    Raises: ValueError, which names the first files.
    """
    digests = noted["train"] | noted["test"]
    changed = [
        name for name, digest in found.items() if digests[name] != digest
    ]
    if changed:
        raise ValueError(
            f"{place} must hold the images that this run began with; another "
            "data set needs a workdir of its own. "
            f"Received: {_listed(changed, 'changed')}"
        )


def repeated(digests, labels, is_test, place):
    """Returns which test images are training images as well.

    Images in two classes, and images that are there twice, are said in one
    warning.

    Args:
        digests: Sequence of str, one per image.
        labels: Int array, one per image.
        is_test: Bool array, one per image.
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
        if not is_test[indices].all():
            leaking[indices] = is_test[indices]
    if twice:
        logging.warning(
            "%s: %d images are there more than once (the same bytes), %d of "
            "them in more than one class; %d test images are training images "
            "too",
            place,
            twice,
            in_classes,
            leaking.sum(),
        )
    return leaking


def _listed(names, what):
    shown = ", ".join(names[:_SHOWN]) + ", ..." * (len(names) > _SHOWN)
    return f"{len(names)} {what}" + f" ({shown})" * bool(names)
