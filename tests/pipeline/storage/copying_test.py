"""Copies that are there whole or not at all."""

import shutil

import pytest

from mp_keras import files
from pipeline.storage import copying


def fail(*arguments, **options):
    raise ZeroDivisionError


class CopyTest:
    @pytest.fixture
    def origin(self, tmp_path):
        origin = tmp_path / "origin"
        (origin / "deep").mkdir(parents=True)
        (origin / "a").write_text("a")
        (origin / "deep" / "b").write_text("b")
        return origin

    def test_folder_replaces_the_old_one(self, origin, tmp_path):
        target = tmp_path / "target"
        target.mkdir()
        (target / "old").write_text("old")
        copying.copy_folder(origin, target)
        assert sorted(files.file_stamps(target)) == ["a", "deep/b"]

    def test_files_join_those_that_are_there(self, origin, tmp_path):
        target = tmp_path / "target"
        (target / "deep").mkdir(parents=True)
        (target / "a").write_text("old")
        (target / "deep" / "own").write_text("own")
        copying.copy_files_into(origin, target)
        names = ["a", "deep/b", "deep/own"]
        assert sorted(files.file_stamps(target)) == names
        assert (target / "a").read_text() == "a"

    def test_no_file_is_replaced_before_all_are_copied(
        self, origin, tmp_path, monkeypatch
    ):
        target = tmp_path / "target"
        target.mkdir()
        (target / "a").write_text("old")
        monkeypatch.setattr(shutil, "copytree", fail)
        with pytest.raises(ZeroDivisionError):
            copying.copy_files_into(origin, target)
        assert (target / "a").read_text() == "old"
        assert sorted(files.file_stamps(target)) == ["a"]

    def test_a_missing_file_is_another_matter(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="none$|none'$"):
            copying.copy_file(tmp_path / "none", tmp_path / "copy")
        assert not list(tmp_path.iterdir())
