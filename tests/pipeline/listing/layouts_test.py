"""Folders, zip files and tables as people have them, told from names."""

import csv
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from pipeline.datasets.few_shot import load_class_images
from pipeline.datasets.sources.loading import load_images
from pipeline.listing import cut_sizes
from pipeline.listing import image_table
from pipeline.listing import layouts
from pipeline.listing import source_names


@pytest.fixture
def photos(tmp_path):
    """`photos` of two classes of four images each."""
    for label, name in enumerate(("cat", "dog")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(4):
            value = 100 * label + index
            Image.new("RGB", (10, 6), (value,) * 3).save(
                tmp_path / "photos" / name / f"{name}{index}.png"
            )
    return tmp_path / "photos"


def write_zip(path, folder, start=""):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            name = f"{start}{file.relative_to(folder).as_posix()}"
            archive.write(file, name)
            archive.writestr(f"__MACOSX/{name}", b"no image")
    return path


def write_table(path, rows, separator=","):
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=separator).writerows(rows)
    return path


def rows_of(photos, name):
    return [
        [name(file), file.parent.name] for file in sorted(photos.rglob("*.png"))
    ]


def load(source, **changes):
    return load_images(source, **{"image_size": 4, **changes})


class FoldersBelowTest:
    def test_classes_below_years_are_warned_of(self, photos, caplog):
        for year in ("2023", "2024"):
            (photos.parent / "all" / year).mkdir(parents=True)
            for name in ("cat", "dog"):
                (photos.parent / "all" / year / name).symlink_to(photos / name)
        layouts.list_source("folder", photos.parent / "all")
        message = "the classes are 2023, 2024, and all of them hold the folders"
        assert f"{message} cat, dog" in caplog.text

    def test_other_folders_below_are_not(self, photos, caplog):
        for name in ("cat", "dog"):
            for below in ("a", f"of {name}"):
                (photos / name / below).mkdir()
        layouts.list_source("folder", photos)
        assert "Should these be" not in caplog.text


class ZipTest:
    @pytest.mark.parametrize("start", ["", "photos/", "a/b/", "win\\"])
    def test_is_read_as_its_folder_is(self, photos, tmp_path, start):
        expected = load(f"folder:{photos}")
        data = load(f"zip:{write_zip(tmp_path / 'x.zip', photos, start)}")
        assert data.digest() == expected.digest()
        assert data.record == expected.record
        assert data.original_size == (6, 10)

    def test_damaged_image_is_named(self, photos, tmp_path):
        (photos / "cat" / "bad.png").write_bytes(b"no image")
        file = write_zip(tmp_path / "x.zip", photos)
        with pytest.raises(ValueError, match="x.zip/cat/bad.png must be a"):
            load(f"zip:{file}")

    @pytest.mark.parametrize("cut", [0, 40, -30])
    def test_damaged_file_is_named(self, photos, tmp_path, cut):
        file = write_zip(tmp_path / "x.zip", photos)
        file.write_bytes(file.read_bytes()[:cut])
        with pytest.raises(ValueError, match="x.zip must be a complete zip"):
            layouts.list_source("zip", file)


class TableTest:
    @pytest.mark.parametrize(
        ("heading", "separator", "name"),
        [
            (["id", "breed"], ",", lambda file: file.stem),
            (["Label", "Image Path"], ";", lambda file: file.name),
            (["what", "kind"], "\t", lambda f: f"{f.parent.name}/{f.name}"),
            (None, ",", lambda f: f"photos/{f.parent.name}/{f.name}"),
            (["index", "file_name", "class"], ",", lambda f: f"./{f.name}"),
            (["image", "label"], "|", str),
        ],
    )
    def test_columns_and_files_are_found(
        self, photos, tmp_path, heading, separator, name
    ):
        rows = rows_of(photos, name)
        if heading and heading[0] == "Label":
            rows = [row[::-1] for row in rows]
        if heading and len(heading) == 3:
            rows = [[str(i), *row] for i, row in enumerate(rows)]
        rows = [heading, *rows] if heading else rows
        table = write_table(tmp_path / "train.csv", rows, separator)
        listing = layouts.check_source(f"csv:{table}")
        assert listing.names == ("cat", "dog")
        files, labels = listing.parts[layouts.WHOLE]
        assert [file.parent.name for file in files] == [
            listing.names[label] for label in labels
        ]
        assert (
            load(f"csv:{table}").digest() == load(f"folder:{photos}").digest()
        )

    def test_column_of_parts_is_used(self, photos, tmp_path):
        parts = ["train", "Train", "valid", "test"] * 2
        rows = [
            [*row, part]
            for row, part in zip(rows_of(photos, lambda f: f.name), parts)
        ]
        heading = ["filepaths", "labels", "data set"]
        table = write_table(tmp_path / "x.csv", [heading, *rows])
        data = load(f"csv:{table}")
        assert data.train_images[:, 0, 0, 0].tolist() == [0, 1, 100, 101]
        assert data.validation[0][:, 0, 0, 0].tolist() == [2, 102]
        assert data.test_images[:, 0, 0, 0].tolist() == [3, 103]

    def test_run_keeps_its_classes(self, photos, tmp_path):
        rows = [["id", "y"], *rows_of(photos, lambda f: f.stem)]
        table = write_table(tmp_path / "x.csv", rows)
        data = load(f"csv:{table}")
        assert load(f"csv:{table}", noted=data.record).digest() == data.digest()
        rows[1][1] = "dog"
        write_table(table, rows)
        with pytest.raises(ValueError, match="1 of another class .photos/cat"):
            load(f"csv:{table}", noted=data.record)

    def test_numbers_are_classes_in_their_order(self, photos, tmp_path):
        rows = [
            [file.name, number]
            for file, number in zip(
                sorted(photos.rglob("*.png")), "10 2".split() * 4
            )
        ]
        table = write_table(tmp_path / "x.csv", rows)
        assert image_table.ImageTable(table).class_names == ("2", "10")

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([], "at least 2 columns.*: no line"),
            ([["image"], ["a.png"]], "at least 2 columns"),
            ([["a", "b", "c"], ["1", "2", "3"]], "columns a, b, c"),
            ([["id", "y"], ["cat0", "cat"], ["x", "dog"]], "are there.*: x"),
            ([["id", "y"], ["cat0", ""]], "on each line.*line 2: cat0"),
            (
                [["id", "y"], ["cat0", "cat"], ["cat0", "dog"]],
                "line 3: cat0 once more, as dog",
            ),
            ([["id", "y"]], "Received: no line"),
            (
                [["id", "y", "split"], ["cat0", "cat", "holdout"]],
                "known part.*holdout",
            ),
            (
                [["id", "y", "split"], ["cat0", "cat", "train"]],
                "say train and test, or val. Received: train alone",
            ),
        ],
    )
    def test_bad_table_raises(self, photos, tmp_path, rows, message):
        table = write_table(tmp_path / "x.csv", rows)
        with pytest.raises(ValueError, match=f"x.csv must.*{message}"):
            layouts.list_source("csv", table)

    def test_bytes_raise(self, tmp_path):
        (tmp_path / "x.csv").write_bytes(b"\x89PNG\r\n\xff\xfe")
        with pytest.raises(ValueError, match="x.csv must be a table as CSV"):
            layouts.list_source("csv", tmp_path / "x.csv")


class HintTest:
    @pytest.mark.parametrize(
        ("source", "meant"),
        [
            ("HERE/photos", "folder:HERE/photos"),
            ("file:HERE/photos", ""),
            ("HERE/x.zip", "zip:HERE/x.zip"),
            ("folder:HERE/x.zip", "zip:HERE/x.zip"),
            ("folder:HERE/x.csv", "csv:HERE/x.csv"),
            ("HERE/x.csv", "csv:HERE/x.csv"),
            ("zip:HERE/photos", "folder:HERE/photos"),
            ("csv:HERE/photos", "folder:HERE/photos"),
            ("folder:HERE/photos/cat", "folder:HERE/photos"),
            ("folder:HERE/above", "folder:HERE/above/deep/photos"),
            ("gs://bucket/photos", "folder:gs://bucket/photos"),
            ("photos", ""),
        ],
    )
    def test_error_says_what_to_write(self, photos, tmp_path, source, meant):
        write_zip(tmp_path / "x.zip", photos)
        write_table(tmp_path / "x.csv", rows_of(photos, lambda f: f.name))
        (tmp_path / "above" / "deep").mkdir(parents=True)
        (tmp_path / "above" / "deep" / "photos").symlink_to(photos)
        source, meant = (
            text.replace("HERE", str(tmp_path)) for text in (source, meant)
        )
        with pytest.raises((ValueError, FileNotFoundError)) as error:
            layouts.check_source(source)
        found = re.findall(r"Did you mean ([^?]*)\?", str(error.value))
        assert found == ([meant] if meant else [])

    def test_few_shot_takes_the_same_names(self, photos, tmp_path):
        for name in "abcdefgh":
            (photos / name).mkdir()
            Image.new("RGB", (8, 8)).save(photos / name / f"{name}.png")
        file = write_zip(tmp_path / "x.zip", photos)
        rows = rows_of(photos, lambda f: f.name)
        table = write_table(tmp_path / "x.csv", rows * 2)
        options = {"image_size": 4, "channels": 3}
        expected = load_class_images(f"folder:{photos}", **options)
        found = load_class_images(f"zip:{file}", **options)
        assert found.digest() == expected.digest()
        with pytest.raises(ValueError, match="Class a .* at least 2 images"):
            load_class_images(f"csv:{table}", **options)
        with pytest.raises(ValueError, match=f"mean folder:{photos}"):
            load_class_images(str(photos), **options)


class ListingTest:
    def test_needs_no_tensorflow(self):
        code = (
            "import sys\n"
            "from pipeline.listing import layouts\n"
            "from pipeline.trainings import early_checks\n"
            "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True)

    @pytest.mark.parametrize("fractions", [(0.2, 0.2), (0.5, 0.0), (0.9, 0.9)])
    def test_training_count_is_that_of_the_cut(self, photos, fractions):
        listing = layouts.check_source(f"folder:{photos}")
        count = cut_sizes.training_count(listing, *fractions)
        data = load(f"folder:{photos}", test_fraction=fractions[0])
        left = np.bincount(data.train_labels)
        held = sum(cut_sizes.held_count(n, fractions[1]) for n in left if n > 1)
        assert count == sum(left) - (held if fractions[1] else 0)

    def test_kinds_have_a_name(self):
        for kind in source_names.KINDS:
            assert source_names.parse(f"{kind}:x") == (kind, "x")
