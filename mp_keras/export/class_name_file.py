"""The names of a classifier's classes, beside its SavedModel's graph.

    assets/class_names.txt      # UTF-8, one name a line, in the labels' order

The trap: `str.splitlines` ends a line at more characters than a newline, and
readers of text files differ in this, so that a name may hold none of them.
"""

import pathlib

from mp_keras import given_files

_FILE = pathlib.Path("assets", "class_names.txt")


def check_names(class_names, classes):
    """Returns the names as a list, if each of them is one line of text.

    Args:
        class_names: Sequence of str.
        classes: Int, how many there must be.

    Raises: ValueError, naming the class, if one is no such line; or if there
        are not as many.
    """
    if isinstance(class_names, str):
        raise ValueError(
            "`class_names` must be a sequence of str, one for each class. "
            f"Received: class_names={class_names!r}"
        )
    names = list(class_names)
    for index, name in enumerate(names):
        if not _is_line(name):
            raise ValueError(
                "Each of `class_names` must be one line of text that UTF-8 can "
                f"encode. Received: {name!r} as the name of class {index}"
            )
    if len(names) != classes:
        raise ValueError(
            f"`class_names` must hold {classes} names, one for each class. "
            f"Received: {len(names)}"
        )
    return names


def write_names(folder, class_names):
    """Adds the names to a SavedModel; never over a file of its own.

    Args:
        folder: Path-like of the SavedModel, whose graph is written.
        class_names: List that `check_names` returned.
    """
    file = pathlib.Path(folder, _FILE)
    file.parent.mkdir(exist_ok=True)
    with open(file, "x", encoding="utf-8", newline="\n") as lines:
        lines.writelines(f"{name}\n" for name in class_names)


def read_names(folder):
    """Returns the names of a SavedModel's classes, or None if it has none.

    Args:
        folder: Path-like of a SavedModel that `save_classifier` wrote.

    Returns: tuple of str.
    Raises: ValueError, naming the file, if it is not text.
    """
    file = pathlib.Path(folder, _FILE)
    if not file.is_file():
        return None
    try:
        content = given_files.read(file, given_files.TEXT_BYTES)
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"File {file} must be UTF-8 text, one class name a line. "
            f"Received: {error}"
        ) from error
    return tuple(text.splitlines())


def _is_line(name):
    if not isinstance(name, str) or name.splitlines() not in ([], [name]):
        return False
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:  # half of a pair, as file names may have
        return False
    return True
