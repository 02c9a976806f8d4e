"""`tfrecord:` sources: folders of shards, here and in a store."""

import json

import numpy as np
import pytest

from pipeline import datasets
from pipeline.datasets import image_resizing
from pipeline.datasets import mapped_images
from pipeline.datasets import tfrecord_shards
from pipeline.datasets.sources.loading import load_images
from pipeline.storage import artifact_store


@pytest.fixture
def pixels():
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (7, 6, 6, 3), np.uint8)


@pytest.fixture
def shards(pixels, tmp_path):
    """Four training images in two shards, three for the test in one."""
    entries = {"train": [], "test": []}
    for part, number, count, rows in (
        ("train", 0, 2, (0, 1, 2)),
        ("train", 1, 2, (3,)),
        ("test", 0, 1, (4, 5, 6)),
    ):
        name = tfrecord_shards.shard_name(part, number, count)
        entries[part].append(
            tfrecord_shards.write_shard(
                tmp_path / name, [(pixels[row], row % 2) for row in rows]
            )
        )
    manifest = {"image_size": 6, "class_names": ["a", "b"], "shards": entries}
    (tmp_path / "examples.json").write_text(json.dumps(manifest))
    return tmp_path


class LoadTfrecordTest:
    def test_shards_in_their_order(self, shards, pixels):
        data = load_images(f"tfrecord:{shards}", image_size=6)
        np.testing.assert_array_equal(data.train_images, pixels[:4])
        np.testing.assert_array_equal(data.test_images, pixels[4:])
        assert data.train_labels.tolist() == [0, 1, 0, 1]
        assert data.test_labels.tolist() == [0, 1, 0]
        assert data.class_names == ("a", "b")

    def test_another_size(self, shards, pixels):
        data = load_images(f"tfrecord:{shards}", image_size=4)
        np.testing.assert_array_equal(
            data.test_images, image_resizing.resize_array(pixels[4:], 4)
        )

    def test_in_a_store(self, shards):
        uri = "memory://tfrecord_source_test/shards"
        artifact_store.upload(shards, uri)
        there = load_images(f"tfrecord:{uri}", image_size=6)
        here = load_images(f"tfrecord:{shards}", image_size=6)
        assert there.digest() == here.digest()

    def test_without_manifest(self, shards):
        (shards / "examples.json").unlink()
        with pytest.raises(FileNotFoundError, match="which is written last"):
            load_images(f"tfrecord:{shards}", image_size=6)

    @pytest.mark.parametrize("missing", ["shards", "class_names"])
    def test_strange_manifest(self, shards, missing):
        manifest = json.loads((shards / "examples.json").read_text())
        del manifest[missing]
        (shards / "examples.json").write_text(json.dumps(manifest))
        with pytest.raises(ValueError, match=f"examples.json.*{missing}"):
            load_images(f"tfrecord:{shards}", image_size=6)

    def test_lost_shard(self, shards):
        (shards / "train-00001-of-00002.tfrecord").unlink()
        with pytest.raises(ValueError, match="train-00001-of-00002.*no such"):
            load_images(f"tfrecord:{shards}", image_size=6)

    def test_another_size_in_the_manifest(self, shards):
        manifest = json.loads((shards / "examples.json").read_text())
        manifest["image_size"] = 5
        (shards / "examples.json").write_text(json.dumps(manifest))
        with pytest.raises(ValueError, match=r"00000.*\(5, 5, 3\)"):
            load_images(f"tfrecord:{shards}", image_size=6)

    def test_fewer_examples_in_the_manifest(self, shards):
        manifest = json.loads((shards / "examples.json").read_text())
        manifest["shards"]["test"][0]["examples"] = 2
        (shards / "examples.json").write_text(json.dumps(manifest))
        with pytest.raises(ValueError, match="test-00000.*must hold 2 images"):
            load_images(f"tfrecord:{shards}", image_size=6)


class FromDiskTest:
    """Larger than memory may be: read where it lies, and nothing else new."""

    def load(self, place, **options):
        options = {"memory_gib": 1e-9, **options}
        return load_images(f"tfrecord:{place}", image_size=6, **options)

    def test_same_images_in_any_order(self, shards, pixels):
        data = self.load(shards)
        images = data.train_images
        assert mapped_images.is_mapped(images) and images.shape == (4, 6, 6, 3)
        some = np.array([3, 0, 3, 2])
        np.testing.assert_array_equal(images[some], pixels[some])
        np.testing.assert_array_equal(images[1:], pixels[1:4])
        np.testing.assert_array_equal(images[-1], pixels[3])
        np.testing.assert_array_equal(
            images.take(some).take(np.array([2, 1]))[:], pixels[[3, 0]]
        )
        assert data.train_labels.tolist() == [0, 1, 0, 1]
        assert data.test_labels.tolist() == [0, 1, 0]

    def test_labels_of_several_bytes(self, pixels, tmp_path):
        path = tmp_path / tfrecord_shards.shard_name("train", 0, 1)
        labels = [0, 127, 128, 16_384, 2**40]
        pixels[:] = 128  # as the bytes around them
        entry = tfrecord_shards.write_shard(path, zip(pixels, labels))
        offsets, found = tfrecord_shards.read_index(path, entry, 6)
        assert found.tolist() == labels
        images = mapped_images.MappedImages([(path, offsets)], 6)
        np.testing.assert_array_equal(images[:], pixels[:5])
        memory = np.empty((5, 6, 6, 3), np.uint8), np.empty(5, np.int64)
        tfrecord_shards.read_shard(path, entry, *memory)
        np.testing.assert_array_equal(memory[0], images[:])

    def test_batches_are_those_from_memory(self, shards):
        batches = []
        for memory_gib in (1.0, 1e-9):
            data = self.load(shards, memory_gib=memory_gib)
            images, labels = data.train_images, data.train_labels
            tasks = datasets.split_tasks(
                images, labels, tasks=1, split="class_wise"
            )
            drawn = {"batch_size": 2, "seed": 3, "start_step": 1, "steps": 4}
            made = [
                datasets.training_batches(images, labels, **drawn),
                datasets.task_batches(tasks, **drawn),
                datasets.evaluation_batches(images, labels, 3),
            ]
            batches.append([list(each.as_numpy_iterator()) for each in made])
            held = datasets.hold_out(images, labels, 0.5, 0)
            batches[-1].append([part[:] for part in held])
        np.testing.assert_equal(batches[0], batches[1])

    def test_a_run_goes_on_whatever_the_memory(self, shards):
        digests = [
            {"digest": self.load(shards, memory_gib=limit).pixel_digest()}
            for limit in (1.0, 1e-9)
        ]
        assert digests[0] == digests[1]
        self.load(shards, noted=digests[0])
        with pytest.raises(ValueError, match="that this run began with"):
            self.load(shards, noted={"digest": "another"})

    @pytest.mark.parametrize("damage", ["lost", "short", "beyond", "text"])
    def test_an_index_that_does_not_fit(self, shards, damage):
        path = shards / "test-00000-of-00001.tfrecord.index.npy"
        table = np.load(path)
        path.unlink()
        if damage == "short":
            np.save(path, table[:-1])
        elif damage == "beyond":
            np.save(path, table + 10**6)
        elif damage == "text":
            path.write_text("no index")
        with pytest.raises(ValueError, match="00001.tfrecord.index.npy must"):
            self.load(shards)

    def test_another_size(self, shards):
        with pytest.raises(ValueError, match="image_size=6. Received.*=4"):
            load_images(f"tfrecord:{shards}", image_size=4, memory_gib=1e-9)


class StoreCacheTest:
    @pytest.fixture
    def uri(self, shards):
        """Shards in a store, whose name and digest change with the call."""

        def upload(name):
            manifest = json.loads((shards / "examples.json").read_text())
            manifest |= {
                "digest": name,
                "train_examples": 4,
                "test_examples": 3,
            }
            (shards / "examples.json").write_text(json.dumps(manifest))
            place = f"memory://store_cache_test/{name}"
            artifact_store.upload(shards, place)
            return place

        return upload

    def load(self, place, data_dir, **options):
        options = {"memory_gib": 1e-9, **options}
        return load_images(
            f"tfrecord:{place}", image_size=6, data_dir=data_dir, **options
        )

    def test_copied_once_and_the_oldest_make_room(self, uri, tmp_path, pixels):
        cache = tmp_path / "cache"
        places = [uri(name) for name in ("first", "second")]
        first = self.load(places[0], cache)
        artifact_store.remove(f"{places[0]}/train-00000-of-00002.tfrecord")
        again = self.load(places[0], cache)  # no longer whole in the store
        np.testing.assert_array_equal(again.train_images[:], pixels[:4])
        (copy,) = (cache / "shards" / "first").glob("train-00001*.tfrecord")
        size = sum(f.stat().st_size for f in copy.parent.iterdir()) / 2**30
        self.load(places[1], cache, cache_gib=1.1 * size)
        kept = [p.name for p in (cache / "shards").iterdir() if p.is_dir()]
        assert kept == ["second"]
        np.testing.assert_array_equal(first.train_images[:], pixels[:4])

    def test_larger_than_the_cache(self, uri, tmp_path):
        with pytest.raises(ValueError, match="`data.cache_gib` must have room"):
            self.load(uri("first"), tmp_path / "cache", cache_gib=1e-9)

    def test_a_damaged_copy_is_not_kept(self, uri, tmp_path):
        place = uri("first")
        artifact_store.upload(_damaged(tmp_path), place)
        with pytest.raises(ValueError, match="must be as it was written"):
            self.load(place, tmp_path / "cache")
        assert not (tmp_path / "cache" / "shards" / "first").exists()


def _damaged(folder):
    folder = folder / "damaged"
    folder.mkdir()
    (folder / "test-00000-of-00001.tfrecord").write_bytes(b"x" * 500)
    return folder
