"""Reads `csv:FILE` sources: a table with a column of files and one of classes.

Kaggle's form, as `id,breed` beside a folder of images whose names may have no
suffix in the table. The columns are found by their names, or by their order
where there are two, which then need no heading line. Files are looked for
beside the table, and in the folders there.
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
# What a message names of these.
_UNDERSTOOD = (
    "the images (image, file, filename, path or id), their classes (label, "
    "class, category, target or breed) and their parts, if there are any "
    "(split, part or subset)"
)
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SHOWN = 5  # names in a message
_LARGEST = 2**28  # bytes
_MOST_DIGITS = 19


class ImageTable:
    """A table of labelled images.

    Args:
        path: Path-like of a CSV file, in UTF-8, separated by commas,
            semicolons, tabs or bars, with a heading line or, if it has two
            columns, without.

    Attributes:
        path: `pathlib.Path`.
        rows: List of (path of the image, class, part or "").
        class_names: Sorted tuple of str; whole numbers by their value.
        part_column: Str, the heading of the parts, or None.

    Raises: FileNotFoundError, if there is no such file; ValueError, if it is
        no such table, or a file is missing, found twice or of two classes.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path).expanduser()
        if not self.path.is_file():
            raise FileNotFoundError(
                f"`source` csv:{self.path} must name a table."
                f"{source_names.hint(self.path)} Received: "
                f"{'a folder' if self.path.is_dir() else 'no such file'}"
            )
        self._files = _Files(self.path)
        columns, lines = self._columns(self._read())
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

    def test_rows(self):
        """Lists what there is to test on; one image is enough.

        Returns: the rows of the test part, or else of the validation part;
            all, where the table has no parts.
        Raises: ValueError, if all are for training.
        """
        parts = {part for _, _, part in self.rows}
        for own in ("test", "validation", ""):
            if own in parts:
                return [row for row in self.rows if row[2] == own]
        raise ValueError(
            f"Column {self.part_column!r} of {self.path} must say test, or "
            "val. Received: train alone"
        )

    def _read(self):
        """Returns the lines with a value, as (number, list of str).

        Empty cells behind the second one are left out at the end of a line.

        Raises: ValueError, if a line has more cells than the first.
        """
        try:
            if self.path.stat().st_size > _LARGEST:
                raise ValueError(f"more than {_LARGEST} bytes")
            text = self.path.read_text(encoding="utf-8-sig")
            lines = text.splitlines()
            first = lines[0] if lines else ""
            separator = max(_SEPARATORS, key=first.count)
            reader = csv.reader(
                lines, delimiter=separator, skipinitialspace=True, strict=True
            )
            rows = [(reader.line_num, row) for row in reader]
        except (OSError, ValueError, csv.Error) as error:
            raise ValueError(
                f"{self.path} must be a table as CSV, in UTF-8, with quotes "
                f"around whole cells alone. Received: {error}"
            ) from error
        rows = [(number, _stripped(row)) for number, row in rows]
        rows = [(number, row) for number, row in rows if any(row)]
        if not rows or len(rows[0][1]) < 2:
            raise ValueError(
                f"{self.path} must have at least 2 columns: the image and its "
                f"class. Received: {rows[0][1] if rows else 'no line'}"
            )
        self._refuse(
            [_shown(*line) for line in rows if len(line[1]) > len(rows[0][1])],
            "have no line of more cells than the first; a "
            f"{_SEPARATORS[separator]} inside a cell needs quotes",
        )
        return rows

    def _columns(self, lines):
        """Returns the columns of file, class and part, and the lines below.

        Columns are numbers, the part's may be None; last its heading.

        Raises: ValueError, if there are more than two without a heading line,
            or the heading has no name of file and class.
        """
        heading = lines[0][1]
        for column, cell in enumerate(heading):
            if _has_suffix(cell):
                return self._unnamed_columns(column, lines), lines
        plain = ["".join(filter(str.isalnum, c.lower())) for c in heading]
        part = _first(_PART_COLUMNS, plain, ())
        file = _first(_FILE_COLUMNS, plain, (part,))
        label = _first(_CLASS_COLUMNS, plain, (part, file))
        is_named = file is not None
        left = [i for i in range(len(plain)) if i not in (part, file, label)]
        if file is None and len(left) == 1:
            file = left.pop()
        if label is None and len(left) == 1:
            label = left.pop()
        if file is None and label is None and len(left) == 2:
            file, label = left
        if file is None or label is None:
            self._refuse_heading(lines)
        if self._is_image(heading, file, label, is_named, lines[1:]):
            return self._unnamed_columns(file, lines), lines
        names = file, label, part, None if part is None else heading[part]
        return names, lines[1:]

    def _is_image(self, cells, file, label, is_named, below):
        """Returns whether the first line is one of an image, no heading.

        Two of these decide: its file has no name of such a column, its class
        is that of another line, and its file is there.
        """
        is_class = any(
            row[label : label + 1] == [cells[label]] for _, row in below
        )
        if is_class == is_named:
            return bool(self._files.find(cells[file]))
        return is_class

    def _unnamed_columns(self, file, lines):
        """Returns the columns of a table without a heading line."""
        if len(lines[0][1]) > 2:
            self._refuse_heading(lines)
        return file, 1 - file, None, None

    def _refuse_heading(self, lines):
        self._refuse(
            [_shown(*lines[0])],
            "have a heading line, which a table of more than two columns "
            f"needs, that names the columns of {_UNDERSTOOD}",
        )

    def _find_files(self, columns, lines):
        found, missing, twice, bad, unparted = {}, [], [], [], []
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
                bad.append(_shown(number, row))
                continue
            places = self._files.find(name)
            if not places:
                missing.append(name)
                continue
            if len(places) > 1:
                several = ", ".join(map(self.name, places[:_SHOWN]))
                twice.append(f"{name}, found {len(places)} times: {several}")
                continue
            if not part:
                unparted.append(_shown(number, row))
            entry = label, source_names.PARTS.get(part.lower(), "")
            if found.setdefault(places[0], entry) != entry:
                bad.append(f"line {number}: {name} once more, as {label}")
        self._refuse(bad, "have a file, a class and a known part on each line")
        self._refuse(missing, "name images that are there")
        self._refuse(
            twice,
            "name images that are found once; write folders and suffixes too",
        )
        if not found:
            self._refuse(["no line"], "list images")
        if any(part for _, part in found.values()):
            self._refuse(unparted, "have a part on each line")
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
        """Returns the paths of the images that a name can mean, a list.

        By its path from the table's folder or from the root; else by its last
        parts, with or without a suffix, in the folders beside the table; of
        several, those in a folder called like the table. Letters may be in
        another Unicode form.
        """
        name = name.replace("\\", "/")
        place = self._root / pathlib.Path(name).expanduser()
        if _has_suffix(name) and place.is_file():
            return [place]
        if self._by_name is None:
            self._index()
        name = folder_tree.composed(name.removeprefix("./").strip("/"))
        places = self._by_name.get(name, [])
        if len(places) < 2:
            return places
        return [p for p in places if self._stem in self._folders(p)] or places

    def _folders(self, place):
        """Returns the folders from the table's to an image, in lower case."""
        names = place.relative_to(self._root).parent.parts
        return [name.lower() for name in names]

    def _index(self):
        self._by_name = collections.defaultdict(list)
        tree = folder_tree.FolderTree(self._root)
        for place in tree.images_and_others()[0]:
            parts = place.relative_to(self._root).parts
            for start in range(len(parts)):
                name = folder_tree.composed("/".join(parts[start:]))
                self._by_name[name].append(place)
                self._by_name[name.removesuffix(place.suffix)].append(place)


def _stripped(cells):
    """Returns cells without spaces, and without empty ones at the end."""
    cells = [cell.strip() for cell in cells]
    while len(cells) > 2 and not cells[-1]:
        cells.pop()
    return cells


def _shown(number, cells):
    """Returns a line as a message shows it."""
    return f"line {number}: {', '.join(cells).strip(', ')}"


def _has_suffix(name):
    """Returns whether a name ends as one of an image does."""
    return pathlib.PurePath(name).suffix.lower() in folder_tree.SUFFIXES


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
