"""Which version of a model is served, while versions come and are damaged."""

import shutil

import pytest

from pipeline.serving import served_model


class ServedModelTest:
    def test_takes_a_newer_one_when_it_is_whole(
        self, start, exported, images, tmp_path
    ):
        shutil.copytree(exported / "1", tmp_path / "3")
        (tmp_path / "refused.json").write_text("[]")
        (tmp_path / ".partial-4-x").mkdir()
        client = start(tmp_path)
        ask = {"instances": images[:1].tolist()}
        first = client.predict(**ask)
        # File by file, and damaged on the way.
        new = tmp_path / "10"
        (new / "variables").mkdir(parents=True)
        for name in ("saved_model.pb", "variables/variables.index"):
            shutil.copy(exported / "2" / name, new / name)
            assert client.predict(**ask) == first
        (data,) = (exported / "2" / "variables").glob("*.data-*")
        target = new / "variables" / data.name
        target.write_bytes(data.read_bytes()[:-100])
        assert client.predict(**ask) == first
        assert client.get("/versions/10")[0] == 404
        shutil.copy(data, target)
        assert client.predict(**ask) != first
        assert client.get("/versions/10")[0] == 200
        assert client.get("/versions/3")[0] == 404

    def test_version_that_fails_is_not_tried_again(
        self, start, exported, tmp_path, monkeypatch
    ):
        shutil.copytree(exported / "1", tmp_path / "1")
        client = start(tmp_path)
        shutil.copytree(exported / "1", tmp_path / "2")
        (tmp_path / "2" / "saved_model.pb").write_bytes(b"x")
        tried = []
        load = served_model.Version
        monkeypatch.setattr(
            served_model,
            "Version",
            lambda *arguments: tried.append(arguments) or load(*arguments),
        )
        for _ in range(3):
            assert client.get("/versions/1")[0] == 200
        assert len(tried) == 1

    def test_older_one_is_served_where_the_newest_is_damaged(
        self, start, exported, tmp_path
    ):
        for version in ("1", "2"):
            shutil.copytree(exported / version, tmp_path / version)
        (tmp_path / "2" / "saved_model.pb").write_bytes(b"x")
        assert start(tmp_path).get("/versions/1")[0] == 200

    def test_folder_without_a_version(self, tmp_path):
        for folder in (tmp_path, tmp_path / "none"):
            with pytest.raises(FileNotFoundError, match="folders 1, 2"):
                served_model.ServedModel(folder)

    def test_no_version_that_loads(self, tmp_path):
        (tmp_path / "saved_model.pb").write_bytes(b"x")
        with pytest.raises(ValueError, match=r"\[1\], of which none does"):
            served_model.ServedModel(tmp_path)
