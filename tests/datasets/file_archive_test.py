"""Zip files in place and unpacked folders, read alike."""

import zipfile

import pytest

from pipeline.datasets import file_archive
from tests.datasets import fakes

_FILES = {"a.txt": b"0", "b/c.txt": b"1", "b/d/c.txt": b"2", "b/d/e.txt": b"3"}


@pytest.fixture(params=["zip", "folder"])
def archive(request, tmp_path):
    if request.param == "zip":
        fakes.write_zip(tmp_path / "some.zip", {"b/": b"", **_FILES})
        return file_archive.FileArchive(tmp_path / "some.zip")
    fakes.write_folder(tmp_path / "some", _FILES)
    return file_archive.FileArchive(tmp_path / "some")


class FileArchiveTest:
    def test_files_by_name(self, archive):
        assert archive.names == sorted(_FILES)
        assert {name: archive.read(name) for name in archive.names} == _FILES

    def test_descend_to_the_uppermost_file(self, archive):
        assert archive.descend("c.txt")
        assert archive.names == ["c.txt", "d/c.txt", "d/e.txt"]
        assert archive.read("c.txt") == b"1"
        assert archive.descend("e.txt")
        assert archive.names == ["c.txt", "e.txt"]
        assert archive.read("c.txt") == b"2"

    def test_descend_to_nothing_stays(self, archive):
        assert not archive.descend("f.txt")
        assert archive.names == sorted(_FILES)

    def test_other_file_raises(self, tmp_path):
        (tmp_path / "a.zip").write_bytes(b"no zip file")
        with pytest.raises(ValueError, match="a.zip must be a complete zip"):
            file_archive.FileArchive(tmp_path / "a.zip")

    def test_encrypted_member_raises(self, tmp_path):
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.txt", b"content")
            archive.filelist[0].flag_bits |= 1
        with pytest.raises(ValueError, match="a.zip must be a complete zip"):
            file_archive.FileArchive(path).read("a.txt")


class FindArchiveTest:
    def _find(self, folder, **changes):
        return file_archive.find_archive(
            folder, "some-set", "Some Set", "Put it there.\n", **changes
        )

    def test_spelling_makes_no_difference(self, tmp_path):
        (tmp_path / "Some_Set_part").mkdir()
        (tmp_path / "other").mkdir()
        (tmp_path / "some-set.txt").write_text("")
        assert self._find(tmp_path).name == "Some_Set_part"

    def test_exact_name_wins(self, tmp_path):
        for name in ("some-set-a.zip", "some-set.zip", "someset"):
            fakes.write_zip(tmp_path / name, {})
        assert self._find(tmp_path).name == "some-set.zip"

    def test_folder_may_be_the_archive(self, tmp_path):
        (tmp_path / "a.txt").write_text("")
        (tmp_path / "some-set").mkdir()
        assert self._find(tmp_path, itself="a.txt") == tmp_path
        assert self._find(tmp_path, itself="b.txt").name == "some-set"

    def test_nothing_raises(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="Set must(.|\n)*Put it"):
            self._find(tmp_path / "none")

    def test_two_raise(self, tmp_path):
        for name in ("some-set-a.zip", "some-set-b.zip"):
            fakes.write_zip(tmp_path / name, {})
        with pytest.raises(ValueError, match="one copy of Some Set"):
            self._find(tmp_path)
