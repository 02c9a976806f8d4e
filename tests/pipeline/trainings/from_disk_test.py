"""Trainings on shards that are read from disk equal those from memory."""

import json

import numpy as np
import pytest

from pipeline.datasets import tfrecord_shards
from pipeline.runs import run_folder
from pipeline.trainings import meta_training
from pipeline.trainings import target_training
from tests import squares
from tests.pipeline import smoke

pytestmark = pytest.mark.long  # four trainings


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    entries = {}
    for part, per_class in (("train", 12), ("test", 5)):
        images, labels = squares.make_part(per_class)
        name = tfrecord_shards.shard_name(part, 0, 1)
        entries[part] = [
            tfrecord_shards.write_shard(folder / name, zip(images, labels))
        ]
    manifest = {
        "image_size": 16,
        "class_names": squares.NAMES,
        "digest": "squares",
        "shards": entries,
    }
    (folder / "examples.json").write_text(json.dumps(manifest))
    return f"tfrecord:{folder}"


@pytest.mark.parametrize(
    ("train", "make_config"),
    [
        (meta_training.meta_train, smoke.meta_config),
        (target_training.train_target, smoke.target_config),
    ],
)
def test_same_run_wherever_the_images_are(train, make_config, shards, tmp_path):
    results = []
    for name, memory_gib in (("memory", 1.0), ("disk", 1e-6)):
        config = make_config(shards, data__memory_gib=memory_gib)
        if "method" in config:
            config.data.validation_fraction = 0.25
        result = train(config, tmp_path / name)
        folder = run_folder.RunFolder(tmp_path / name, config.to_dict())
        losses = [
            {k: v for k, v in window.items() if "second" not in k}
            for window in folder.history()
        ]
        del result["seconds"]
        results.append((result, losses))
    np.testing.assert_equal(results[0], results[1])
