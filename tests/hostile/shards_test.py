"""TFRecord shards, damaged, and manifests that lie."""

import hashlib
import json

import hypothesis
import pytest
from hypothesis import strategies

from pipeline.datasets.sources import tfrecord_source

JSON = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text(max_size=8),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(
            strategies.text(max_size=8), inner, max_size=3
        )
    ),
    max_leaves=4,
)
SHARD = "train-00000-of-00001.tfrecord"


@pytest.fixture
def manifest(prepare):
    """The manifest of good shards, as a dict to change."""
    return json.loads(
        (prepare("shards") / "shards" / "examples.json").read_text()
    )


class ShardsTest:
    def test_damaged_files(self, manifest, read_damaged, seed, times):
        counts = read_damaged("shards", "shards", seed, times)
        assert counts["refused"] > 5 * (counts["same"] + counts["other"])

    def test_manifests_that_lie(self, manifest, refuse):
        contents = {}
        for key, value in (
            ("name", f"../shards/{SHARD}"),
            ("name", "/etc/hostname"),
            ("examples", 10**12),
            ("examples", -6),
            ("examples", 5),
            ("examples", 7),
            ("examples", True),
            ("sha256", 0),
        ):
            lying = json.loads(json.dumps(manifest))
            lying["shards"]["train"][0][key] = value
            contents[f"{key} {value}"] = json.dumps(lying).encode()
        for size in (0, -8, 10**6, 7.5, "8"):
            lying = {**manifest, "image_size": size}
            contents[f"size {size}"] = json.dumps(lying).encode()
        refuse("shards", "shards/examples.json", contents)

    @pytest.mark.parametrize("cut", [1, 100, 1500])
    def test_truncated_shard_with_its_own_sum(
        self, good, manifest, refuse, cut
    ):
        file = good / "shards" / SHARD
        content = file.read_bytes()[:-cut]
        file.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        manifest["shards"]["train"][0]["sha256"] = digest
        refuse(
            "shards",
            "shards/examples.json",
            {"own sum": json.dumps(manifest).encode()},
        )

    @hypothesis.given(
        strategies.sampled_from(
            ["image_size", "class_names", "shards", "train", "examples"]
        ),
        JSON,
    )
    def test_any_value_is_read_or_refused(self, good, manifest, key, value):
        changed = json.loads(json.dumps(manifest))
        if key == "train":
            changed["shards"]["train"] = value
        elif key == "examples":
            changed["shards"]["test"][0][key] = value
        else:
            changed[key] = value
        file = good / "shards" / "examples.json"
        file.write_text(json.dumps(changed))
        try:
            data = tfrecord_source.load_tfrecord(good / "shards", 8)
        except ValueError as error:
            assert str(good / "shards") in str(error)
        else:
            assert all(isinstance(name, str) for name in data.class_names)
