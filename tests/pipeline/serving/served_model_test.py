"""Which version of a model is served, while versions come and are damaged."""

import shutil
import threading

import pytest

from pipeline.serving import served_model


@pytest.fixture
def looks(monkeypatch):
    """A function that waits for a whole look for versions; they are quick."""
    looked = threading.Semaphore(0)
    look = served_model.ServedModel._look
    monkeypatch.setattr(served_model, "_LOOK_S", 0.05)
    monkeypatch.setattr(
        served_model.ServedModel,
        "_look",
        lambda self: look(self) or looked.release(),
    )

    def wait():
        while looked.acquire(blocking=False):
            pass
        assert looked.acquire(timeout=60) and looked.acquire(timeout=60)

    return wait


class ServedModelTest:
    def test_takes_a_newer_one_when_it_is_whole(
        self, start, exported, images, tmp_path, looks
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
        looks()
        assert client.predict(**ask) == first
        assert client.get("/versions/10")[0] == 404
        shutil.copy(data, target)
        looks()
        assert client.get("/versions/10")[0] == 200
        assert client.predict(**ask) != first
        assert client.get("/versions/3")[0] == 404

    def test_version_that_fails_is_not_tried_again(
        self, start, exported, tmp_path, monkeypatch, looks
    ):
        for number in ("1", "new"):
            shutil.copytree(exported / "1", tmp_path / number)
        (tmp_path / "new" / "saved_model.pb").write_bytes(b"x")
        client = start(tmp_path)
        tried = []
        load = served_model.Version
        monkeypatch.setattr(
            served_model,
            "Version",
            lambda *arguments: tried.append(arguments) or load(*arguments),
        )
        (tmp_path / "new").rename(tmp_path / "2")
        for _ in range(3):
            looks()
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
