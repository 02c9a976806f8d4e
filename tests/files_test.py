"""Files and folders that are there whole or not at all."""

import errno
import json
import os
import stat

import pytest

from mp_keras import files


class BrokenDisk(Exception):
    pass


def fail(*arguments, **options):
    raise BrokenDisk


def permissions(path):
    return stat.S_IMODE(path.stat().st_mode)


class WriteTextTest:
    def test_writes_and_replaces(self, tmp_path):
        path = tmp_path / "note.txt"
        for text in ("φ is 82 numbers\n", ""):
            files.write_text(path, text)
            assert path.read_text(encoding="utf-8") == text
        assert permissions(path) == 0o644
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("broken", ["replace", "fsync"])
    def test_failure_keeps_the_old_file(self, tmp_path, monkeypatch, broken):
        path = tmp_path / "note.txt"
        path.write_text("old")
        monkeypatch.setattr(os, broken, fail)
        with pytest.raises(BrokenDisk):
            files.write_text(path, "new")
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    def test_what_is_no_text_is_escaped(self, tmp_path):
        """A part of a file name that is not UTF-8."""
        path = tmp_path / "note.txt"
        files.write_text(path, "é\udce9")
        assert path.read_text(encoding="utf-8") == "é\\udce9"
        files.write_json(path, {"é\udce9": 1})
        assert files.read_json(path) == {"é\udce9": 1}


class JsonTest:
    def test_round_trip(self, tmp_path):
        value = {"φ": [1, 0.1, None], "deep": {"key": "text"}}
        files.write_json(tmp_path / "a.json", value)
        assert files.read_json(tmp_path / "a.json") == value
        assert "φ" in (tmp_path / "a.json").read_text(encoding="utf-8")

    def test_wrong_value_keeps_the_old_file(self, tmp_path):
        files.write_json(tmp_path / "a.json", 1)
        with pytest.raises(TypeError):
            files.write_json(tmp_path / "a.json", {"key": object()})
        assert files.read_json(tmp_path / "a.json") == 1

    @pytest.mark.parametrize("content", [b"", b'{"key": ', b"\xff\xfe{}"])
    def test_damaged_file_is_named(self, tmp_path, content):
        path = tmp_path / "broken.json"
        path.write_bytes(content)
        with pytest.raises(ValueError, match="broken.json must be JSON"):
            files.read_json(path)

    def test_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="none.json"):
            files.read_json(tmp_path / "none.json")


class NewDirectoryTest:
    def test_becomes_the_path_at_the_end(self, tmp_path):
        path = tmp_path / "a" / "b"
        with files.new_directory(path) as folder:
            assert folder.is_dir() and not list(folder.iterdir())
            assert not path.exists()
            (folder / "x").write_text("new")
        assert (path / "x").read_text() == "new"
        assert permissions(path) == 0o755
        assert list(path.parent.iterdir()) == [path]

    def test_success_replaces_the_old_folder(self, tmp_path):
        path = tmp_path / "a"
        path.mkdir()
        (path / "old").write_text("old")
        with files.new_directory(path) as folder:
            (folder / "new").write_text("new")
            assert (path / "old").exists()
        assert [file.name for file in path.iterdir()] == ["new"]
        assert list(tmp_path.iterdir()) == [path]

    def test_replaces_only_what_has_its_mark(self, tmp_path):
        path = tmp_path / "a"
        for _ in range(2):  # a new folder, an old one of ours
            with files.new_directory(path, mark="ours") as folder:
                (folder / "ours").write_text("")
        (path / "ours").rename(path / "thesis.txt")
        (tmp_path / "file").write_text("file")
        for place, message in (
            (path, "a folder with thesis.txt"),
            (tmp_path / "file", "a file"),
        ):
            with pytest.raises(ValueError, match=f"with ours.*{message}"):
                with files.new_directory(place, mark="ours"):
                    pass
        assert [file.name for file in path.iterdir()] == ["thesis.txt"]
        assert (tmp_path / "file").read_text() == "file"

    @pytest.mark.parametrize("old", [True, False])
    def test_failure_inside_leaves_what_was_there(self, tmp_path, old):
        path = tmp_path / "a"
        if old:
            path.mkdir()
            (path / "old").write_text("old")
        with pytest.raises(BrokenDisk):
            with files.new_directory(path) as folder:
                (folder / "new").write_text("new")
                raise BrokenDisk
        assert path.exists() == old
        if old:
            assert [file.name for file in path.iterdir()] == ["old"]
        assert len(list(tmp_path.iterdir())) == old

    def test_where_folders_cannot_change_places(self, tmp_path, monkeypatch):
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)
        path = tmp_path / "a"
        for text in ("old", "new"):
            with files.new_directory(path) as folder:
                (folder / text).write_text(text)
        assert [file.name for file in path.iterdir()] == ["new"]
        assert list(tmp_path.iterdir()) == [path]

    def test_failure_of_the_last_rename_leaves_the_old(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)
        path = tmp_path / "a"
        path.mkdir()
        (path / "old").write_text("old")
        renames = []
        rename = os.rename

        def fail_second(source, target):
            renames.append(source)
            if len(renames) == 2:
                raise BrokenDisk
            rename(source, target)

        monkeypatch.setattr(os, "rename", fail_second)
        with pytest.raises(BrokenDisk):
            with files.new_directory(path) as folder:
                (folder / "new").write_text("new")
        assert (path / "old").read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    def test_json_beside_it_is_untouched(self, tmp_path):
        (tmp_path / "b").write_text(json.dumps(1))
        with files.new_directory(tmp_path / "a"):
            pass
        assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "b"]


class NewFileTest:
    def test_becomes_the_path_at_the_end(self, tmp_path):
        path = tmp_path / "a.keras"
        path.write_text("old")
        with files.new_file(path) as temporary:
            assert temporary.suffix == ".keras"
            temporary.write_text("new")
            assert path.read_text() == "old"
        assert path.read_text() == "new"
        assert permissions(path) == 0o644
        assert list(tmp_path.iterdir()) == [path]

    def test_failure_inside_leaves_what_was_there(self, tmp_path):
        path = tmp_path / "a"
        path.write_text("old")
        with pytest.raises(BrokenDisk):
            with files.new_file(path) as temporary:
                temporary.write_text("new")
                raise BrokenDisk
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]


class DiskTest:
    @pytest.mark.parametrize(
        ("number", "kind"),
        [
            (errno.ENOSPC, OSError),
            (errno.EFBIG, OSError),
            (errno.EROFS, OSError),
            (errno.EACCES, PermissionError),
        ],
    )
    def test_says_what_could_not_be_written(self, tmp_path, number, kind):
        message = "b must be writable(.|\n)*run the same command"
        with pytest.raises(kind, match=message) as raised:
            with files.new_directory(tmp_path / "a"):
                with files.writing(tmp_path / "b"):  # named once
                    raise OSError(number, "the disk's own words")
        assert raised.value.errno == number
        assert str(raised.value).count("must be writable") == 1
        assert not list(tmp_path.iterdir())


class RemovePartialTest:
    def test_leaves_all_else(self, tmp_path):
        (tmp_path / ".partial-1").write_text("half")
        (tmp_path / ".partial-2" / "deep").mkdir(parents=True)
        (tmp_path / "partial").write_text("whole")
        files.remove_partial(tmp_path)
        assert [file.name for file in tmp_path.iterdir()] == ["partial"]
