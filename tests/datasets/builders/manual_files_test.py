import io
import tarfile

import pytest

from pipeline.datasets.builders import manual_files
from tests.datasets import fakes

_FILES = {
    "cars/b.jpg": b"bee",
    "cars/deep/a.jpg": b"ant",
    "cars/c.jpg": b"cow",
}


@pytest.fixture(params=["folder", "cars.tgz", "cars.tar"])
def path(request, tmp_path):
    path = tmp_path / request.param
    if request.param == "folder":
        fakes.write_folder(path, _FILES)
    else:
        mode = "w:gz" if path.suffix == ".tgz" else "w"
        fakes.write_tar(path, _FILES, mode)
    return path


class ReadFilesTest:
    def test_files_are_found_by_base_name(self, path):
        files = dict(manual_files.read_files(path, ["a.jpg", "b.jpg"]))
        assert files == {"a.jpg": b"ant", "b.jpg": b"bee"}

    def test_missing_file_raises_after_the_others(self, path):
        files = manual_files.read_files(path, ["c.jpg", "z.jpg"])
        assert next(files) == ("c.jpg", b"cow")
        with pytest.raises(ValueError, match="z.jpg. Received: 1 of 2 files"):
            next(files)

    def test_nothing_is_written(self, path):
        before = sorted(path.parent.rglob("*"))
        list(manual_files.read_files(path, ["a.jpg"]))
        assert sorted(path.parent.rglob("*")) == before

    def test_names_that_climb_stay_inside(self, tmp_path):
        fakes.write_tar(tmp_path / "x.tgz", {"../../evil.txt": b"evil"})
        files = manual_files.read_files(tmp_path / "x.tgz", ["evil.txt"])
        assert list(files) == [("evil.txt", b"evil")]
        assert not list(tmp_path.parent.rglob("evil.txt"))

    def test_links_are_not_followed(self, tmp_path):
        (tmp_path / "secret").write_bytes(b"secret")
        with tarfile.open(tmp_path / "x.tar", "w") as archive:
            member = tarfile.TarInfo("a.jpg")
            member.type, member.linkname = tarfile.SYMTYPE, "secret"
            archive.addfile(member, io.BytesIO())
        with pytest.raises(ValueError, match="must hold the file a.jpg"):
            list(manual_files.read_files(tmp_path / "x.tar", ["a.jpg"]))

    @pytest.mark.parametrize("size", [0, 5, 40, 1500])
    def test_damaged_archive_raises(self, tmp_path, size):
        path = tmp_path / "x.tgz"
        noise = {f"{n}.jpg": fakes.draw_jpeg(n) for n in range(9)}
        fakes.write_tar(path, noise)
        path.write_bytes(path.read_bytes()[:size])
        with pytest.raises(ValueError, match="x.tgz must be a complete tar"):
            list(manual_files.read_files(path, [*noise, "z.jpg"]))


class FindTest:
    def test_first_name_that_is_there_wins(self, tmp_path):
        for name in ("b", "c"):
            (tmp_path / name).mkdir()
        found = manual_files.find(tmp_path, ("a", "b", "c"), "")
        assert found == tmp_path / "b"

    def test_none_there_raises_with_instructions(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="a or b must.*Put a. Rec"):
            manual_files.find(tmp_path, ("a", "b"), "Put a. ")
