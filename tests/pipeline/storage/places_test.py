"""Small files here and in a store."""

import pytest

from pipeline.storage import artifact_store
from pipeline.storage import places


@pytest.fixture(params=["path", "uri"])
def place(request, tmp_path):
    if request.param == "path":
        return f"{tmp_path}/new"
    uri = f"memory://places_test/{tmp_path.name}"
    artifact_store.remove(uri)
    return uri


class PlacesTest:
    def test_json_round_trip(self, place):
        file = f"{place}/deep/a.json"
        assert not places.exists(file)
        places.write_json(file, {"φ": [1, None]})
        assert places.exists(file)
        assert places.read_json(file) == {"φ": [1, None]}

    def test_put_replaces_files_and_leaves_others(self, place, tmp_path):
        places.write_json(f"{place}/old.json", 1)
        places.write_json(f"{place}/kept.json", 2)
        (tmp_path / "from").mkdir()
        (tmp_path / "from" / "old.json").write_text("3")
        places.put(tmp_path / "from", place)
        assert places.read_json(f"{place}/old.json") == 3
        assert places.read_json(f"{place}/kept.json") == 2

    def test_put_leaves_nothing_besides(self, tmp_path):
        (tmp_path / "from").mkdir()
        (tmp_path / "from" / "a").write_text("a")
        places.put(tmp_path / "from", tmp_path / "to")
        assert [file.name for file in (tmp_path / "to").iterdir()] == ["a"]

    def test_remove_folder(self, place):
        places.write_json(f"{place}/deep/a.json", 1)
        for _ in range(2):  # the second time there is none
            places.remove_folder(f"{place}/deep")
            assert not places.exists(f"{place}/deep/a.json")

    def test_damaged_json_is_named(self, place, tmp_path):
        (tmp_path / "from").mkdir()
        (tmp_path / "from" / "a.json").write_text("{")
        places.put(tmp_path / "from", place)
        with pytest.raises(ValueError, match="a.json must be JSON"):
            places.read_json(f"{place}/a.json")

    def test_missing_json(self, place):
        with pytest.raises(FileNotFoundError):
            places.read_json(f"{place}/none.json")
