"""Folders, zip files and tables as people have them, told from names."""

import csv
import re
import shutil
import subprocess
import sys
import unicodedata
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
            archive.writestr(name, file.read_bytes())
            archive.writestr(f"__MACOSX/{name}", b"no image")
    return path


def write_table(path, rows, separator=","):
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=separator).writerows(rows)
    return path


def unflag(path):
    """Takes the UTF-8 flag from the names in a zip file, as macOS does."""
    content = bytearray(path.read_bytes())
    for start, flags in ((b"PK\3\4", 7), (b"PK\1\2", 9)):
        at = content.find(start)
        while at >= 0:
            content[at + flags] &= ~8
            at = content.find(start, at + 4)
    path.write_bytes(content)
    return path


def call(folder, name, form):
    """Renames a folder; returns its new path."""
    return folder.rename(folder.parent / unicodedata.normalize(form, name))


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

    @pytest.mark.parametrize("form", ["NFC", "NFD"])
    def test_names_in_utf_8_need_no_flag(self, photos, tmp_path, form):
        call(photos / "dog", "été", form)
        file = write_zip(tmp_path / "x.zip", photos)
        names = zipfile.ZipFile(file).namelist()
        expected = load(f"zip:{file}")
        data = load(f"zip:{unflag(file)}")
        assert zipfile.ZipFile(file).namelist() != names
        assert data.class_names == ("cat", "été")
        assert data.digest() == expected.digest()
        assert data.record == expected.record

    def test_damaged_image_in_a_folder_without_flag_is_named(
        self, photos, tmp_path
    ):
        folder = call(photos / "dog", "été", "NFD")
        (folder / "bad.png").write_bytes(b"no image")
        file = unflag(write_zip(tmp_path / "x.zip", photos))
        name = unicodedata.normalize("NFD", "été")
        with pytest.raises(ValueError, match=f"x.zip/{name}/bad.png must be"):
            load(f"zip:{file}")

    def test_other_names_without_flag_are_those_of_dos(self, photos, tmp_path):
        call(photos / "dog", "@t@", "NFC")
        file = write_zip(tmp_path / "x.zip", photos)
        file.write_bytes(file.read_bytes().replace(b"@t@", b"\x82t\x82"))
        assert load(f"zip:{file}").class_names == ("cat", "été")

    @pytest.mark.parametrize("start", ["./", "./photos/", "photos/./"])
    def test_the_folder_of_tar_is_none(self, photos, tmp_path, start):
        expected = load(f"folder:{photos}")
        data = load(f"zip:{write_zip(tmp_path / 'x.zip', photos, start)}")
        assert data.digest() == expected.digest()
        assert data.record == expected.record

    def test_files_beside_its_folder_are_counted(
        self, photos, tmp_path, caplog
    ):
        file = write_zip(tmp_path / "x.zip", photos, "a/b/")
        with zipfile.ZipFile(file, "a") as archive:
            for name in ("cat9.png", "a/cat8.png"):
                archive.write(photos / "cat" / "cat0.png", name)
        layouts.list_source("zip", file)
        assert "3 x file" in caplog.text  # one lies beside the classes

    def test_members_above_the_zip_file_are_left_out(self, photos, tmp_path):
        file = write_zip(tmp_path / "x.zip", photos, "../")
        with pytest.raises(ValueError, match="per class. Received: no folder"):
            layouts.list_source("zip", file)

    @pytest.mark.parametrize("start", ["./", ".\\"])
    def test_two_members_of_one_name_raise(self, photos, tmp_path, start):
        file = write_zip(tmp_path / "x.zip", photos)
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr(f"{start}cat/cat0.png", b"another")
        with pytest.raises(
            ValueError, match="each file once.*of the name 'cat/cat0.png'"
        ):
            layouts.list_source("zip", file)

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


class ClassNameTest:
    @pytest.mark.parametrize("form", ["NFC", "NFD"])
    def test_is_composed_and_files_keep_their_names(self, photos, form):
        folder = call(photos / "cat", "été", form)
        listing = layouts.list_source("folder", photos)
        assert listing.names == ("dog", "été")
        files, labels = listing.parts[layouts.WHOLE]
        assert [file for file, label in zip(files, labels) if label] == sorted(
            folder.iterdir()
        )
        data = load(f"folder:{photos}")
        assert {name.split("/")[0] for name in data.record["train"]} == {
            "dog",
            unicodedata.normalize(form, "été"),
        }
        again = load(f"folder:{photos}", noted=data.record)
        assert again.digest() == data.digest()

    def test_parts_of_both_forms_match(self, photos, tmp_path):
        for part, form in (("train", "NFC"), ("test", "NFD")):
            (tmp_path / "all" / part).mkdir(parents=True)
            (tmp_path / "all" / part / "dog").symlink_to(photos / "dog")
            name = unicodedata.normalize(form, "é")
            (tmp_path / "all" / part / name).symlink_to(photos / "cat")
        listing = layouts.list_source("folder", tmp_path / "all")
        assert listing.names == ("dog", "é")
        assert listing.counts("train") == listing.counts("test") == [4, 4]

    @pytest.mark.parametrize("part", ["", "train"])
    def test_both_forms_in_one_folder_raise(self, photos, tmp_path, part):
        for form in ("NFC", "NFD"):
            folder = tmp_path / "all" / part / unicodedata.normalize(form, "é")
            folder.mkdir(parents=True)
            (folder / "a.png").touch()
        (tmp_path / "all" / "test").symlink_to(photos)
        place = re.escape(str(tmp_path / "all" / part))
        both = r". \('\\xe9'\), which look the same and differ in their Unicode"
        with pytest.raises(
            ValueError,
            match=rf"{place} must call .* one name.*\('e\\u0301'\) and {both}",
        ):
            layouts.list_source("folder", tmp_path / "all")

    def test_both_forms_in_a_table_raise(self, photos, tmp_path):
        names = ["é", unicodedata.normalize("NFD", "é")] * 4
        rows = [
            [row[0], name]
            for row, name in zip(rows_of(photos, lambda f: f.name), names)
        ]
        table = write_table(tmp_path / "x.csv", [["id", "y"], *rows])
        with pytest.raises(ValueError, match="x.csv must call each class by"):
            layouts.list_source("csv", table)

    @pytest.mark.parametrize("kind", ["folder", "parts", "csv"])
    def test_same_but_for_case_is_warned_of_once(
        self, photos, tmp_path, kind, caplog
    ):
        photos = photos.rename(tmp_path / "whole")
        for name in ("Cat", "Dog"):
            (photos / name).symlink_to(photos / name.lower())
        place = photos
        if kind == "parts":
            place = tmp_path / "all"
            place.mkdir()
            for part in ("train", "test"):
                (place / part).symlink_to(photos)
        elif kind == "csv":
            rows = rows_of(photos, str)
            for row in (*rows[:2], *rows[-2:]):
                row[1] = row[1].title()
            place = write_table(tmp_path / "x.csv", [["id", "y"], *rows])
        layouts.list_source("csv" if kind == "csv" else "folder", place)
        assert caplog.text.count("differ in upper and lower case only") == 1
        assert "only: Cat and cat, Dog and dog. Should" in caplog.text


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
            (
                [["a", "b", "c"], ["1", "2", "3"]],
                "a heading line, .* more than two columns.*line 1: a, b, c",
            ),
            (
                [["cat0.png", "640", "cat"], ["dog0.png", "480", "dog"]],
                "more than two columns.*image, file.*label, class.*split, part"
                ".*: line 1: cat0.png, 640, cat",
            ),
            (
                [["0", "dog0.png", "dog", "test"]],
                "more than two columns.*line 1: 0, dog0.png, dog, test",
            ),
            (
                [["cat0", "cat", "set"], ["dog0", "dog", "train"]],
                "more than two columns.*line 1: cat0, cat, set",
            ),
            (
                [["image", "split"], ["cat0", "test"]],
                "names the columns of.*line 1: image, split",
            ),
            (
                [["id", "y"], ["cat0", "cat", " big"], ["dog0", "dog", "", 1]],
                "more cells than the first; a comma inside a cell needs quotes."
                " Received: line 2: cat0, cat, big; line 3: dog0, dog, , 1$",
            ),
            (
                [["cat0.png", "cat"], ["cat1.png", "cat", "big"]],
                "more cells than the first.*line 2: cat1.png, cat, big",
            ),
            (
                [["id", "y", "split"], ["cat0", "cat", "test"], ["dog0"]],
                "a class and a known part on each line.*: line 3: dog0$",
            ),
            (
                [
                    ["id", "y", "split"],
                    ["cat0", "cat", "test"],
                    ["dog0", "dog"],
                ],
                "have a part on each line. Received: line 3: dog0, dog$",
            ),
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

    @pytest.mark.parametrize(
        "end", ['"cat\ndog0,dog\n', '"cat\ncat1,"cat\n', '"cat" big\n']
    )
    def test_bad_quotes_raise(self, photos, tmp_path, end):
        (tmp_path / "x.csv").write_text(f"id,y\ndog1,dog\ncat0,{end}")
        with pytest.raises(ValueError, match="x.csv must .* around whole cell"):
            layouts.list_source("csv", tmp_path / "x.csv")

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ('id;y;w\ncat0;"a; b";\ndog0;c;;;\n', ("a; b", "c")),
            ('id,y,\ncat0, "a, b"\ndog0,c, ,\n', ("a, b", "c")),
            ("cat0.png,a,\ndog0.png,b,,\n", ("a", "b")),
            ("id,\ncat0,a\ndog0,b\n", ("a", "b")),
        ],
    )
    def test_quotes_and_empty_cells_at_the_end(
        self, photos, tmp_path, text, names
    ):
        (tmp_path / "x.csv").write_text(text)
        table = image_table.ImageTable(tmp_path / "x.csv")
        assert [row[1:] for row in table.rows] == [(name, "") for name in names]

    @pytest.mark.parametrize(
        "rows",
        [
            [["cat0", "cat"], ["dog0", "dog"], ["dog1", "dog"]],
            [["cat0", "y"], ["dog0", "n"]],
            [["y", "cat0"], ["n", "dog0"]],
            [["cat", "cat0.png"], ["dog", "dog0.png"]],
            [["cat0", "cat"]],
            [["id", "cat"], ["cat0", "cat"], ["dog0", "dog"]],
        ],
    )
    def test_image_on_the_first_line(self, photos, tmp_path, rows):
        (photos / "cat" / "cat1.png").rename(photos / "cat" / "id.png")
        table = write_table(tmp_path / "x.csv", rows)
        assert len(image_table.ImageTable(table).rows) == len(rows)

    def test_first_image_is_missed_as_others_are(self, photos, tmp_path):
        rows = [["x", "cat"], ["cat0", "cat"], ["dog0", "dog"]]
        table = write_table(tmp_path / "x.csv", rows)
        with pytest.raises(ValueError, match="that are there. Received: x$"):
            image_table.ImageTable(table)

    @pytest.mark.parametrize("heading", [["id", "what"], ["image", "label"]])
    def test_heading_with_the_name_of_an_image(self, photos, tmp_path, heading):
        (photos / "cat" / "cat1.png").rename(photos / "cat" / "id.png")
        (photos / "cat" / "cat2.png").rename(photos / "cat" / "image.png")
        rows = [heading, ["cat0", "cat"], ["dog0", "dog"]]
        table = write_table(tmp_path / "x.csv", rows)
        assert len(image_table.ImageTable(table).rows) == 2

    @pytest.mark.parametrize(
        ("table", "folders", "name"),
        [
            ("Train.csv", ("Train", "Test"), "cat0.png"),
            ("train.csv", ("a/TRAIN/b", "a/train_2"), "cat0"),
            ("data.csv", ("Data", "old_data"), "cat/cat0.png"),
        ],
    )
    def test_folder_called_like_the_table_is_meant(
        self, photos, tmp_path, table, folders, name
    ):
        for folder in folders:
            shutil.copytree(photos, tmp_path / "all" / folder)
        file = write_table(tmp_path / "all" / table, [["id", "y"], [name, "a"]])
        ((place, _, _),) = image_table.ImageTable(file).rows
        own = tmp_path / "all" / folders[0]
        assert place == own / "cat" / "cat0.png"

    @pytest.mark.parametrize(
        ("table", "other", "name", "found"),
        [
            ("data.csv", "old_data", "cat0.png", "old_data/cat/cat0.png, pho"),
            ("cat0.csv", "old", "cat0", "old/cat/cat0.png, photos/cat/cat0.p"),
            ("old.csv", "old/old", "dog/dog0", "old/old/dog/dog0.png, old/ph"),
        ],
    )
    def test_image_found_twice_raises(
        self, photos, tmp_path, table, other, name, found
    ):
        shutil.copytree(photos, tmp_path / other)
        if table == "old.csv":
            shutil.copytree(photos, tmp_path / "old" / "photos")
        file = write_table(tmp_path / table, [["id", "y"], [name, "a"]])
        message = f"are found once.*: {name}, found 2 times: {found}"
        with pytest.raises(ValueError, match=f"{table} must.*{message}"):
            image_table.ImageTable(file)

    @pytest.mark.parametrize(
        ("parts", "tested"),
        [
            (["train", "val", "test"], "test"),
            (["train", "train", "Valid"], "validation"),
            (["test", "testing", "test"], "test"),
            (["", "", ""], ""),
        ],
    )
    def test_rows_to_test_on(self, photos, tmp_path, parts, tested):
        rows = [
            [f"cat{number}", "cat", part] for number, part in enumerate(parts)
        ]
        heading = ["id", "y", "split"]
        file = write_table(tmp_path / "x.csv", [heading, *rows])
        table = image_table.ImageTable(file)
        found = [place.stem for place, _, _ in table.test_rows()]
        assert found == [
            name
            for name, _, part in rows
            if source_names.PARTS.get(part.lower(), "") == tested
        ]

    def test_no_rows_to_test_on_raise(self, photos, tmp_path):
        rows = [["id", "y", "Split"], ["cat0", "cat", "train"]]
        table = image_table.ImageTable(write_table(tmp_path / "x.csv", rows))
        with pytest.raises(ValueError, match="'Split' .*Received: train alone"):
            table.test_rows()

    def test_bytes_raise(self, tmp_path):
        (tmp_path / "x.csv").write_bytes(b"\x89PNG\r\n\xff\xfe")
        with pytest.raises(ValueError, match="x.csv must be a table as CSV"):
            layouts.list_source("csv", tmp_path / "x.csv")

    @pytest.mark.parametrize("form", ["NFC", "NFD"])
    def test_names_in_another_unicode_form(self, tmp_path, form):
        for name in ("été 1.png", "deep/été 2.png"):
            file = tmp_path / unicodedata.normalize(form, name)
            file.parent.mkdir(exist_ok=True)
            file.touch()
        for other in ("NFC", "NFD"):
            rows = [("été 1.png", "a"), ("été 2", "b")]
            rows = [(unicodedata.normalize(other, n), c) for n, c in rows]
            table = write_table(tmp_path / "x.csv", rows)
            found = image_table.ImageTable(table).rows
            assert len({place for place, _, _ in found}) == 2


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
