"""Zip and tar archives, damaged, and made to unpack to anything."""

import io
import stat
import tarfile
import zipfile
import zlib

import hypothesis
import pytest
from hypothesis import strategies

from pipeline.datasets import file_archive
from tests.hostile import child
from tests.hostile import good_files
from tests.hostile import payloads


def duplicate(name):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, b"one")
        archive.writestr(name, b"two")
    return buffer.getvalue()


def encrypted(name):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, b"content")
        archive.filelist[0].flag_bits |= 1
    return buffer.getvalue()


def tar_file(*members):
    """Returns a gzipped tar file of `(TarInfo, bytes)`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def member(name, size=0, **attributes):
    found = tarfile.TarInfo(name)
    found.size = size
    for key, value in attributes.items():
        setattr(found, key, value)
    return found


class ZipTest:
    @pytest.fixture(autouse=True)
    def _good(self, prepare):
        prepare("zip")

    def test_damaged_files(self, read_damaged, seed, times):
        counts = read_damaged("archive", "archive", seed, times)
        # The directory, unlike the contents, has no checksum: an entry can
        # be lost.
        assert counts["refused"] > 10 * counts["other"]

    def test_names_that_lead_elsewhere_stay_names(self, good, work):
        content = payloads.zip_file(
            {"../a.txt": b"1", "/tmp/b.txt": b"2", "c\\..\\d.txt": b"3"}
        )
        case = child.Case("slip", "some.zip", content)
        (outcome,) = child.read("archive", good, [case], work)
        assert sorted(outcome.value) == [
            "../a.txt",
            "/tmp/b.txt",
            "c\\..\\d.txt",
        ]
        assert not outcome.written

    def test_link_is_a_text(self, tmp_path):
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr(link, "/etc/passwd")
        archive = file_archive.FileArchive(tmp_path / "a.zip")
        assert archive.read("link") == b"/etc/passwd"

    def test_crafted_files(self, refuse):
        deflated = {"a": bytes(2**26)}
        bomb = payloads.zip_file(deflated, zipfile.ZIP_DEFLATED)
        stored = payloads.zip_file({"a": b"12345678"})
        wrong = stored.replace(b"12345678", b"12345679")
        content = {"a": bytes(99)}
        found = refuse(
            "archive",
            "some.zip",
            {
                "says less": payloads.announce_size(bomb, "a", 100),
                "says more": payloads.announce_size(stored, "a", 2**31),
                "says a little more": payloads.announce_size(stored, "a", 9),
                "checksum": wrong,
                "duplicate": duplicate("a"),
                "encrypted": encrypted("a"),
                "bzip2": payloads.zip_file(content, zipfile.ZIP_BZIP2),
                "lzma": payloads.zip_file(content, zipfile.ZIP_LZMA),
            },
        )
        assert "two members of the name 'a'" in found["duplicate"]
        assert "2147483648 bytes" in found["says more"]

    @hypothesis.given(strategies.binary(max_size=400))
    def test_any_bytes_end_in_a_value_or_an_error(self, tmp_path, content):
        file = tmp_path / "any.zip"
        file.write_bytes(b"PK\x03\x04" + content + b"PK\x05\x06" + bytes(18))
        try:
            archive = file_archive.FileArchive(file)
            assert all(map(archive.read, archive.names))
        except ValueError as error:
            assert f"{file} must be a complete zip file" in str(error)


class MiniImagenetTest:
    def test_damaged_files(self, prepare, read_damaged, seed, times):
        prepare("mini_imagenet")
        counts = read_damaged("mini_imagenet", "mini_imagenet", seed, times)
        assert not counts["other"]

    def test_table_that_leads_elsewhere(self, prepare, refuse):
        prepare("mini_imagenet")
        image = good_files.encode("PNG")
        for name in ("../secret.png", "/etc/hostname"):
            table = f"filename,label\n{name},a".encode()
            tables = dict.fromkeys(("train.csv", "val.csv", "test.csv"), table)
            content = payloads.zip_file({"images/a.png": image, **tables})
            refuse("mini_imagenet", "mini-imagenet.zip", {name: content})


class TarTest:
    @pytest.fixture(autouse=True)
    def _good(self, prepare):
        prepare("tar")

    def test_damaged_files(self, read_damaged, seed, times):
        counts = read_damaged("tar", "tar", seed, times)
        assert not counts["other"]

    def test_crafted_files(self, refuse):
        other = (member("b.txt", 1), b"b")
        link = member("a.txt", type=tarfile.SYMTYPE, linkname="/etc/passwd")
        hard = member("a.txt", type=tarfile.LNKTYPE, linkname="../../secret")
        device = member("a.txt", type=tarfile.CHRTYPE)
        name = member("a.txt", 2**26, type=tarfile.GNUTYPE_LONGNAME)
        size = 2**35
        large = member("a.txt", size).tobuf(tarfile.GNU_FORMAT)
        refuse(
            "tar",
            "some.tar.gz",
            {
                "link": tar_file((link, b""), other),
                "hard link": tar_file((hard, b""), other),
                "device": tar_file((device, b""), other),
                "long name": tar_file((name, bytes(2**26)), other),
                "large": zlib.compress(large + bytes(1024), wbits=31),
            },
        )
