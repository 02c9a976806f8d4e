"""Folders of shards: replaced whole, and nothing else is touched."""

import fsspec
import pytest

from pipeline.datasets.shard_folder import new_folder
from pipeline.storage import artifact_store

_SHARD = "train-00000-of-00001.tfrecord"


@pytest.fixture
def uri():
    place = "memory://shard_folder_test/shards"
    artifact_store.remove(place)
    return place


def put(uri, name, content=b"old"):
    fsspec.filesystem("memory").pipe(f"{uri}/{name}", content)


class NewFolderTest:
    def test_local_result_is_replaced_at_the_end(self, tmp_path):
        path = tmp_path / "shards"
        path.mkdir()
        (path / "examples.json").write_text("old")
        with new_folder(str(path)) as folder:
            with open(f"{folder}/{_SHARD}", "w"):
                assert (path / "examples.json").exists()
        assert [file.name for file in path.iterdir()] == [_SHARD]

    def test_local_failure_keeps_the_old(self, tmp_path):
        path = tmp_path / "shards"
        path.mkdir()
        (path / "examples.json").write_text("old")
        with pytest.raises(ValueError, match="broken"):
            with new_folder(str(path)):
                raise ValueError("broken")
        assert [file.name for file in path.iterdir()] == ["examples.json"]
        assert list(tmp_path.iterdir()) == [path]

    def test_store_loses_the_old_result_first(self, uri):
        put(uri, "examples.json")
        put(uri, _SHARD)
        with new_folder(uri) as folder:
            assert folder == uri
            assert artifact_store.names_in(uri) == []

    def test_other_files_are_not_touched(self, uri, tmp_path):
        (tmp_path / "thesis.tex").touch()
        put(uri, "thesis.tex")
        for place in (str(tmp_path), uri, str(tmp_path / "thesis.tex")):
            with pytest.raises(ValueError, match="Received: thesis.tex"):
                with new_folder(place):
                    pass
        assert (tmp_path / "thesis.tex").exists()
        assert artifact_store.names_in(uri) == ["thesis.tex"]
