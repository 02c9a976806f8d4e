"""`tfrecord:` sources: folders of shards, here and in a store."""

import json

import numpy as np
import pytest

from pipeline.datasets import image_resizing
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
