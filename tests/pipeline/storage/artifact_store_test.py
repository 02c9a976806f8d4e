"""Object stores, with fsspec's store in memory and folders as stand-ins."""

import os

import fsspec
import pytest

from pipeline.storage import artifact_store


@pytest.fixture
def uri(request):
    """The URI of a folder of its own in the store in memory."""
    place = f"memory://{request.node.originalname}"
    yield place
    system = fsspec.filesystem("memory")
    if system.exists(place):
        system.rm(place, recursive=True)


@pytest.fixture
def folder(tmp_path):
    """A local folder with three files, one of them deeper."""
    folder = tmp_path / "local"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "index").write_bytes(b"\0index")
    (folder / "note.txt").write_text("φ", encoding="utf-8")
    return folder


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


class IsUriTest:
    @pytest.mark.parametrize("place", ["gs://b/x", "s3://b", "memory://a"])
    def test_uris(self, place):
        assert artifact_store.is_uri(place)

    @pytest.mark.parametrize("place", ["a/b", "/a:b", "C:\\a", ""])
    def test_paths(self, place):
        assert not artifact_store.is_uri(place)


class FindTest:
    def test_all_files_by_name(self, folder, uri):
        artifact_store.upload(folder, uri)
        assert artifact_store.find(uri) == [
            "note.txt",
            "saved_model.pb",
            "variables/index",
        ]

    def test_no_such_folder(self, uri):
        assert artifact_store.find(f"{uri}/none") == []


class ReadBytesTest:
    def test_content(self, folder, uri):
        artifact_store.upload(folder, uri)
        content = artifact_store.read_bytes(f"{uri}/variables/index")
        assert content == b"\0index"

    def test_missing_file(self, uri):
        with pytest.raises(FileNotFoundError):
            artifact_store.read_bytes(f"{uri}/none")


class RemoveTest:
    def test_file_then_folder_then_nothing(self, folder, uri):
        artifact_store.upload(folder, uri)
        artifact_store.remove(f"{uri}/note.txt")
        assert "note.txt" not in artifact_store.find(uri)
        for _ in range(2):
            artifact_store.remove(uri)
            assert artifact_store.find(uri) == []


class UploadTest:
    def test_download_gives_it_back(self, folder, uri, tmp_path):
        artifact_store.upload(folder, uri)
        (tmp_path / "back").mkdir()
        artifact_store.download(uri, tmp_path / "back")
        assert contents(tmp_path / "back") == contents(folder)

    def test_what_makes_it_whole_comes_last(self, folder, uri, monkeypatch):
        system = fsspec.filesystem("memory")
        order, put = [], type(system).put_file
        monkeypatch.setattr(
            type(system),
            "put_file",
            lambda self, local, remote, **options: (
                order.append(os.path.basename(local)),
                put(self, local, remote, **options),
            ),
        )
        artifact_store.upload(folder, uri)
        assert order == ["note.txt", "index", "saved_model.pb"]

    def test_names_in(self, folder, uri):
        assert artifact_store.names_in(uri) == []
        artifact_store.upload(folder, uri)
        assert artifact_store.names_in(uri) == [
            "note.txt",
            "saved_model.pb",
            "variables",
        ]


class DownloadTest:
    def test_one_file(self, folder, uri, tmp_path):
        artifact_store.upload(folder, uri)
        path = artifact_store.download(f"{uri}/note.txt", tmp_path)
        assert path == tmp_path / "note.txt"
        assert path.read_text(encoding="utf-8") == "φ"

    def test_nothing_there(self, uri, tmp_path):
        with pytest.raises(FileNotFoundError, match=f"URI {uri}/none must"):
            artifact_store.download(f"{uri}/none", tmp_path)


class FingerprintTest:
    def test_changes_with_the_content(self, folder, uri):
        artifact_store.upload(folder, uri)
        before = artifact_store.fingerprint(uri)
        assert artifact_store.fingerprint(uri) == before
        with fsspec.open(f"{uri}/note.txt", "wb") as file:
            file.write(b"more than before")
        assert artifact_store.fingerprint(uri) != before

    def test_nothing_there(self, uri):
        with pytest.raises(FileNotFoundError, match="must name data that is"):
            artifact_store.fingerprint(uri)


class UnreachableTest:
    def test_unknown_kind_of_store(self, tmp_path):
        with pytest.raises(ConnectionError, match="Store nowhere://x must be"):
            artifact_store.download("nowhere://x", tmp_path)

    def test_missing_client(self, tmp_path, monkeypatch):
        def no_client(uri):
            raise ImportError("Please install gcsfs")

        monkeypatch.setattr(fsspec.core, "url_to_fs", no_client)
        with pytest.raises(ConnectionError, match="gcsfs for gs://, s3fs for"):
            artifact_store.names_in("gs://bucket/runs")

    @pytest.mark.parametrize(
        "call",
        [
            lambda uri, path: artifact_store.names_in(uri),
            lambda uri, path: artifact_store.download(uri, path),
            lambda uri, path: artifact_store.upload(path, uri),
            lambda uri, path: artifact_store.fingerprint(uri),
            lambda uri, path: artifact_store.Mirror(uri),
        ],
        ids=["names_in", "download", "upload", "fingerprint", "Mirror"],
    )
    def test_store_that_does_not_answer(self, folder, uri, monkeypatch, call):
        system = type(fsspec.filesystem("memory"))

        def fail(*args, **kwargs):
            raise TimeoutError("no route to host")

        with monkeypatch.context() as patch:
            for name in ("isdir", "isfile", "ls", "find", "put_file"):
                patch.setattr(system, name, fail)
            with pytest.raises(
                ConnectionError, match=f"Store {uri} must .*no route to host"
            ):
                call(uri, folder)


class MirrorTest:
    def test_starts_with_what_is_there(self, folder, uri):
        artifact_store.upload(folder, uri)
        mirror = artifact_store.Mirror(uri)
        assert contents(mirror.path) == contents(folder)

    def test_push_carries_over_changes_and_removals(self, folder, uri):
        artifact_store.upload(folder, uri)
        mirror = artifact_store.Mirror(uri)
        (mirror.path / "note.txt").unlink()
        (mirror.path / "new").write_bytes(b"1")
        (mirror.path / "lock").write_bytes(b"pid")
        mirror.push()
        assert artifact_store.names_in(uri) == [
            "new",
            "saved_model.pb",
            "variables",
        ]
        again = artifact_store.Mirror(uri)
        assert contents(again.path)["new"] == b"1"

    def test_push_sends_only_what_changed(self, folder, uri, monkeypatch):
        artifact_store.upload(folder, uri)
        mirror = artifact_store.Mirror(uri)
        sent = []
        monkeypatch.setattr(
            artifact_store,
            "upload",
            lambda folder, uri, files, known: sent.append(sorted(files)),
        )
        (mirror.path / "note.txt").write_text("longer than before")
        mirror.push()
        mirror.push()
        assert sent == [["note.txt"], []]

    def test_local_folder_goes_with_it(self, uri):
        mirror = artifact_store.Mirror(uri)
        path = mirror.path
        assert path.exists()
        del mirror
        assert not path.exists()
