"""Configs as JSON, and what makes a stage's fingerprint another one."""

import importlib.metadata
import shutil

import pytest

from pipeline import fingerprints
from pipeline.datasets.sources import catalogue
from tests.pipeline import smoke


class JsonTest:
    def test_round_trip(self):
        config = smoke.target_config("npz:a", steps=7)
        config.lock()
        again = fingerprints.from_json(fingerprints.to_json(config))
        again.data.source = "npz:b"
        again.new_key = 1  # it is not locked
        assert (again.steps, again.data.flip) == (7, True)
        assert list(again.learning_rate_drops) == [0.4, 0.7, 0.9]

    def test_text_does_not_depend_on_the_order_of_the_keys(self):
        config = fingerprints.from_json('{"b": {"d": 1, "c": 2}, "a": 3}')
        text = '{"a": 3, "b": {"c": 2, "d": 1}}'
        assert fingerprints.to_json(config) == text


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A small project in place of ours."""
    for name in ("mp_keras/layer.py", "pipeline/stage.py", "tools/tool.py"):
        file = tmp_path / name
        file.parent.mkdir()
        file.write_text("size = 1\n")
    monkeypatch.setattr(fingerprints, "_ROOT", tmp_path)
    return tmp_path


class SoftwareFingerprintTest:
    def test_is_repeatable(self):
        first = fingerprints.software_fingerprint()
        assert len(first) == 16
        assert fingerprints.software_fingerprint() == first

    @pytest.mark.parametrize("name", ["mp_keras/layer.py", "pipeline/stage.py"])
    def test_source_file_changes(self, tree, name):
        before = fingerprints.software_fingerprint()
        (tree / name).write_text("size = 2\n")
        changed = fingerprints.software_fingerprint()
        (tree / name).rename(tree / name.replace(".py", "_2.py"))
        renamed = fingerprints.software_fingerprint()
        assert len({before, changed, renamed}) == 3

    def test_new_file_in_a_new_folder(self, tree):
        before = fingerprints.software_fingerprint()
        (tree / "mp_keras" / "networks").mkdir()
        (tree / "mp_keras" / "networks" / "vgg.py").write_text("")
        assert fingerprints.software_fingerprint() != before

    def test_binaries_do_not_count(self, tree):
        before = fingerprints.software_fingerprint()
        (tree / "tools" / "tool.py").write_text("size = 2\n")
        assert fingerprints.software_fingerprint() == before

    @pytest.mark.parametrize("package", ["tensorflow", "keras", "pillow"])
    def test_package_changes(self, tree, monkeypatch, package):
        before = fingerprints.software_fingerprint()
        versions = importlib.metadata.version
        monkeypatch.setattr(
            importlib.metadata,
            "version",
            lambda name: "0.1" if name == package else versions(name),
        )
        assert fingerprints.software_fingerprint() != before


@pytest.fixture
def folder(tmp_path):
    """A `folder:` source of two classes."""
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "1.png").write_bytes(name.encode())
    return tmp_path / "data"


class SourceFingerprintTest:
    def test_byte_of_a_file_changes(self, tmp_path):
        file = tmp_path / "data.npz"
        file.write_bytes(b"a" * 1000)
        before = fingerprints.source_fingerprint(f"npz:{file}")
        file.write_bytes(b"a" * 999 + b"b")
        assert fingerprints.source_fingerprint(f"npz:{file}") != before

    def test_byte_in_a_folder_changes(self, folder):
        before = fingerprints.source_fingerprint(f"folder:{folder}")
        (folder / "dog" / "1.png").write_bytes(b"dot")
        assert fingerprints.source_fingerprint(f"folder:{folder}") != before

    @pytest.mark.parametrize("kind", ["folder", "csv"])
    def test_byte_of_an_image_elsewhere_changes(self, folder, tmp_path, kind):
        (tmp_path / "linked").mkdir()
        for name in ("cat", "dog"):
            (tmp_path / "linked" / name).symlink_to(folder / name)
        table = tmp_path / "x.csv"
        table.write_text("file,class\ndata/cat/1.png,cat\ndata/dog/1.png,dog\n")
        place = {"folder": tmp_path / "linked", "csv": table}[kind]
        before = fingerprints.source_fingerprint(f"{kind}:{place}")
        assert fingerprints.source_fingerprint(f"{kind}:{place}") == before
        (folder / "dog" / "1.png").write_bytes(b"dot")
        assert fingerprints.source_fingerprint(f"{kind}:{place}") != before

    def test_other_files_and_hidden_ones_do_not_count(self, folder):
        before = fingerprints.source_fingerprint(f"folder:{folder}")
        (folder / "Thumbs.db").touch()
        (folder / "dog" / "._1.png").touch()
        assert fingerprints.source_fingerprint(f"folder:{folder}") == before

    def test_file_is_renamed(self, folder):
        before = fingerprints.source_fingerprint(f"folder:{folder}")
        (folder / "dog" / "1.png").rename(folder / "dog" / "2.png")
        assert fingerprints.source_fingerprint(f"folder:{folder}") != before

    def test_images_change_their_classes(self, folder):
        before = fingerprints.source_fingerprint(f"folder:{folder}")
        (folder / "dog").rename(folder / "x")
        (folder / "cat").rename(folder / "dog")
        (folder / "x").rename(folder / "cat")
        assert fingerprints.source_fingerprint(f"folder:{folder}") != before

    def test_copy_elsewhere_is_the_same(self, folder, tmp_path):
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)
        first, second = (
            fingerprints.source_fingerprint(f"folder:{path}")
            for path in (folder, copy)
        )
        assert first == second

    def test_home_folder(self, folder, monkeypatch):
        expected = fingerprints.source_fingerprint(f"folder:{folder}")
        monkeypatch.setenv("HOME", str(folder.parent))
        actual = fingerprints.source_fingerprint("folder:~/data")
        assert actual == expected

    @pytest.mark.parametrize("kind", ["paper", "tfds"])
    def test_manual_data(self, folder, kind):
        source = f"{kind}:tiny_imagenet"
        plain = fingerprints.source_fingerprint(source)
        before = fingerprints.source_fingerprint(source, str(folder))
        (folder / "cat" / "1.png").write_bytes(b"lion")
        after = fingerprints.source_fingerprint(source, str(folder))
        assert plain == source
        assert before != after

    def test_subset_is_its_file_in_the_manual_folder(self, tmp_path):
        file = tmp_path / catalogue.subset_entry("dogs").file
        file.write_bytes(b"a")
        before = fingerprints.source_fingerprint("subset:dogs", str(tmp_path))
        assert before == fingerprints.source_fingerprint(f"npz:{file}")
        (tmp_path / "other.npz").write_bytes(b"b")
        again = fingerprints.source_fingerprint("subset:dogs", str(tmp_path))
        file.write_bytes(b"b")
        after = fingerprints.source_fingerprint("subset:dogs", str(tmp_path))
        assert before == again != after
        (tmp_path / catalogue.subset_entry("cars").file).write_bytes(b"three")
        both = fingerprints.source_fingerprint(
            "subset:cars+dogs", str(tmp_path)
        )
        assert both.endswith(after) and len(both) > len(after)

    def test_missing_places_raise(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="dogs_subset_84.npz, whi"):
            fingerprints.source_fingerprint("subset:dogs", str(tmp_path))
        with pytest.raises(FileNotFoundError, match="which does not exist"):
            fingerprints.source_fingerprint("tfds:x", str(tmp_path / "none"))

    @pytest.mark.parametrize("kind", ["npz", "folder"])
    def test_missing_path(self, tmp_path, kind):
        source = f"{kind}:{tmp_path / 'none'}"
        with pytest.raises(FileNotFoundError, match="none, which does not"):
            fingerprints.source_fingerprint(source)
