"""Reads `csv:FILE` sources: a table with a column of files and one of classes.

Kaggle's form, as `id,breed` beside a folder of images whose names may have no
suffix in the table. The columns are found by their names, or by their order
where there are two. Files are looked for beside the table, and in the folders
there.
"""

import collections
import csv
import pathlib

from pipeline.listing import folder_tree
from pipeline.listing import source_names

# In order of preference, in lower case, letters alone.
_FILE_COLUMNS = (
    *("imagepath", "filepath", "filepaths", "path", "paths", "filename"),
    *("filenames", "file", "files", "image", "images", "imagename"),
    *("imagefile", "imagefilename", "imageid", "img", "imgpath", "imgname"),
    *("imgid", "photo", "picture", "id", "name"),
)
_CLASS_COLUMNS = (
    *("label", "labels", "class", "classname", "classes", "labelname"),
    *("category", "categoryname", "target", "breed", "species", "variety"),
    *("diagnosis", "y", "classid", "labelid", "categoryid", "tag"),
)
_PART_COLUMNS = ("split", "part", "dataset", "subset", "partition", "set")
_SHOWN = 5  # names in a message
_LARGEST = 2**28  # bytes
_MOST_DIGITS = 19


class ImageTable:
    """A table of labelled images.

    Args:
        path: Path-like of a CSV file, in UTF-8, separated by commas,
            semicolons, tabs or bars, with a heading or not.

    Attributes:
        path: `pathlib.Path`.
        rows: List of (path of the image, class, part or "").
        class_names: Sorted tuple of str; whole numbers by their value.
        part_column: Str, the heading of the parts, or None.

    Raises: FileNotFoundError, if there is no such file; ValueError, if it is
        no such table, a file is missing or has two classes.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path).expanduser()
        if not self.path.is_file():
            raise FileNotFoundError(
                f"`source` csv:{self.path} must name a table."
                f"{source_names.hint(self.path)} Received: "
                f"{'a folder' if self.path.is_dir() else 'no such file'}"
            )
        lines = self._read()
        columns, lines = self._columns(lines)
        self.part_column = columns[3]
        self.rows = self._find_files(columns, lines)
        names = {name for _, name, _ in self.rows}
        self.class_names = tuple(sorted(names, key=_as_number))

    def name(self, place):
        """Returns what a run notes of an image: its name beside the table."""
        try:
            return place.relative_to(self.path.parent).as_posix()
        except ValueError:
            return place.as_posix()

    def _read(self):
        """Returns the lines as lists of str, those without a value left out."""
        try:
            if self.path.stat().st_size > _LARGEST:
                raise ValueError(f"more than {_LARGEST} bytes")
            text = self.path.read_text(encoding="utf-8-sig")
            lines = text.splitlines()
            first = lines[0] if lines else ""
            separator = max(",;\t|", key=first.count)
            rows = list(csv.reader(lines, delimiter=separator))
        except (OSError, ValueError, csv.Error) as error:
            raise ValueError(
                f"{self.path} must be a table as CSV, in UTF-8. "
                f"Received: {error}"
            ) from error
        rows = [[cell.strip() for cell in row] for row in rows]
        rows = [(number, row) for number, row in enumerate(rows, 1) if any(row)]
        if not rows or len(rows[0][1]) < 2:
            raise ValueError(
                f"{self.path} must have at least 2 columns: the image and its "
                f"class. Received: {rows[0][1] if rows else 'no line'}"
            )
        return rows

    def _columns(self, lines):
        """Returns the columns of file, class and part, and the lines below.

        Columns are numbers, the part's may be None; last its heading.
        """
        heading = lines[0][1]
        suffix = pathlib.PurePath(heading[0]).suffix.lower()
        if suffix in folder_tree.SUFFIXES:  # no heading
            return (0, 1, None, None), lines
        plain = ["".join(filter(str.isalnum, c.lower())) for c in heading]
        part = _first(_PART_COLUMNS, plain, ())
        file = _first(_FILE_COLUMNS, plain, (part,))
        label = _first(_CLASS_COLUMNS, plain, (part, file))
        left = [i for i in range(len(plain)) if i not in (part, file, label)]
        if file is None and len(left) == 1:
            file = left.pop()
        if label is None and len(left) == 1:
            label = left.pop()
        if file is None and label is None and len(left) == 2:
            file, label = left
        if file is None or label is None:
            raise ValueError(
                f"{self.path} must have a column called image, with the files, "
                "and one called label, with their classes. "
                f"Received: columns {', '.join(heading)}"
            )
        names = file, label, part, None if part is None else heading[part]
        return names, lines[1:]

    def _find_files(self, columns, lines):
        index = _Files(self.path)
        found, missing, bad = {}, [], []
        for number, row in lines:
            row = row + [""] * (max(filter(None, columns[:3]), default=0) + 1)
            name, label = row[columns[0]], row[columns[1]]
            part = "" if columns[2] is None else row[columns[2]]
            if (
                not name
                or not label
                or part
                and part.lower() not in source_names.PARTS
            ):
                bad.append(f"line {number}: {', '.join(row).strip(', ')}")
                continue
            place = index.find(name)
            if place is None:
                missing.append(name)
                continue
            entry = label, source_names.PARTS.get(part.lower(), "")
            if found.setdefault(place, entry) != entry:
                bad.append(f"line {number}: {name} once more, as {label}")
        self._refuse(bad, "have a file, a class and a known part on each line")
        self._refuse(missing, "name images that are there")
        if not found:
            self._refuse(["no line"], "list images")
        if len({bool(part) for _, part in found.values()}) > 1:
            self._refuse(["lines without a part"], "have a part on each line")
        return [(place, *entry) for place, entry in sorted(found.items())]

    def _refuse(self, wrong, expected):
        if wrong:
            more = len(wrong) - _SHOWN
            rest = f", and {more} more" if more > 0 else ""
            raise ValueError(
                f"{self.path} must {expected}. "
                f"Received: {'; '.join(wrong[:_SHOWN])}{rest}"
            )


class _Files:
    """Finds images by what a table calls them.

    Args:
        table: Path of the table.
    """

    def __init__(self, table):
        self._root = table.parent
        self._stem = table.stem.lower()
        self._by_name = None

    def find(self, name):
        """Returns the path of an image, or None.

        By its path from the table's folder or from the root; else by its last
        parts, with or without a suffix, in the folders beside the table; of
        several, that in a folder called like the table.
        """
        name = name.replace("\\", "/")
        place = self._root / pathlib.Path(name).expanduser()
        if place.suffix.lower() in folder_tree.SUFFIXES and place.is_file():
            return place
        if self._by_name is None:
            self._index()
        places = self._by_name.get(name.removeprefix("./").strip("/"), ())
        if len(places) > 1:
            own = [
                place
                for place in places
                if self._stem in place.relative_to(self._root).as_posix()
            ]
            places = own or places
        return places[0] if len(places) == 1 else None

    def _index(self):
        self._by_name = collections.defaultdict(list)
        tree = folder_tree.FolderTree(self._root)
        for place in tree.images_and_others()[0]:
            parts = place.relative_to(self._root).parts
            for start in range(len(parts)):
                name = "/".join(parts[start:])
                self._by_name[name].append(place)
                self._by_name[name.removesuffix(place.suffix)].append(place)


def _first(names, columns, taken):
    """Returns the number of the column with the first of these names."""
    for name in names:
        if name in columns and columns.index(name) not in taken:
            return columns.index(name)
    return None


def _as_number(name):
    """Sorts whole numbers by their value, before all else."""
    is_number = name.isdecimal() and len(name) < _MOST_DIGITS
    return (0, int(name), name) if is_number else (1, 0, name)
