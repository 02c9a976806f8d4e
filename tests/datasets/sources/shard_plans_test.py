"""Plans: whoever makes the shards one by one gets the whole data set."""

import json

import numpy as np
import pytest
from PIL import Image

from pipeline.datasets.builders import glyphs
from pipeline.datasets.sources import shard_plans
from pipeline.datasets.sources import tfds_source
from pipeline.datasets.sources.loading import load_images


@pytest.fixture
def folder(tmp_path):
    """Three classes of 5 images; their sizes vary."""
    generator = np.random.default_rng(0)
    for name in ("ant", "bee", "cow"):
        (tmp_path / name).mkdir()
        for index in range(5):
            shape = (9 + index, 14, 3)
            image = generator.integers(0, 256, shape, np.uint8)
            Image.fromarray(image).save(tmp_path / name / f"{index}.png")
    return tmp_path


def carried_out(plans, part):
    """Returns images and labels of a part, its shards made in turn."""
    examples = [
        example
        for plan in json.loads(json.dumps(plans))
        if plan["name"].startswith(part)
        for example in shard_plans.read_examples(plan)
    ]
    images, labels = zip(*examples)
    return np.stack(images), list(labels)


def assert_parts_equal(plans, data):
    for part in ("train", "test"):
        images, labels = carried_out(plans, part)
        np.testing.assert_array_equal(images, getattr(data, f"{part}_images"))
        assert labels == getattr(data, f"{part}_labels").tolist()


class PlanFolderTest:
    def test_same_data_as_in_memory(self, folder):
        options = {"test_fraction": 0.4, "seed": 3}
        names, plans = shard_plans.plan_folder(folder, 8, 4, **options)
        data = load_images(f"folder:{folder}", image_size=8, **options)
        assert names == data.class_names
        assert_parts_equal(plans, data)

    @pytest.mark.parametrize(
        ("per_shard", "sizes"),
        [(4, [4, 4, 1]), (9, [9]), (3, [3, 3, 3]), (100, [9])],
    )
    def test_shards_are_filled(self, folder, per_shard, sizes):
        _, plans = shard_plans.plan_folder(folder, 8, per_shard, 0.4, 0)
        train = [plan for plan in plans if plan["name"].startswith("train")]
        assert [len(plan["files"]) for plan in train] == sizes
        assert train[-1]["name"] == (
            f"train-{len(sizes) - 1:05d}-of-{len(sizes):05d}.tfrecord"
        )

    def test_damaged_image_is_named(self, folder):
        broken = folder / "bee" / "2.png"
        broken.write_bytes(broken.read_bytes()[:60])
        _, plans = shard_plans.plan_folder(folder, 8, 100, 0.4, 0)
        with pytest.raises(ValueError, match="bee/2.png must be a complete"):
            list(carried_out(plans, "train")) + list(carried_out(plans, "test"))


class PlanTfdsTest:
    def test_same_data_as_in_memory(self, tmp_path, monkeypatch):
        monkeypatch.setattr(glyphs, "_SPLITS", {"train": 3, "test": 2})
        monkeypatch.setattr(glyphs, "LETTERS", glyphs.LETTERS[:4])
        builder, splits = tfds_source.prepare("glyphs", tmp_path, None)
        plans = shard_plans.plan_tfds(builder, "glyphs", splits, 12, 7)
        data = load_images("tfds:glyphs", image_size=12, data_dir=tmp_path)
        assert len(plans) == 4  # two of each part
        assert_parts_equal(plans, data)


class DefaultExamplesPerShardTest:
    @pytest.mark.parametrize(("size", "count"), [(64, 5461), (5000, 1)])
    def test_64_mebibytes(self, size, count):
        assert shard_plans.default_examples_per_shard(size) == count
