"""Shards: their bytes, read by hand, and what is refused."""

import hashlib
import struct

import numpy as np
import pytest
import tensorflow as tf

from pipeline.datasets import tfrecord_shards


@pytest.fixture
def examples():
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), np.uint8)
    return list(zip(images, [0, 2, 2, 1, 0]))


def records_of(path):
    """Returns the payloads of a TFRecord file, without TensorFlow's reader."""
    content, records = path.read_bytes(), []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        records.append(content[12 : 12 + length])  # after the length's CRC
        content = content[12 + length + 4 :]
    return records


class WriteShardTest:
    def test_records_hold_pixels_and_labels(self, examples, tmp_path):
        tfrecord_shards.write_shard(tmp_path / "a.tfrecord", examples)
        records = records_of(tmp_path / "a.tfrecord")
        assert len(records) == 5
        for record, (image, label) in zip(records, examples):
            feature = tf.train.Example.FromString(record).features.feature
            assert feature["image"].bytes_list.value == [image.tobytes()]
            assert feature["label"].int64_list.value == [label]

    def test_entry_describes_the_file(self, examples, tmp_path):
        path = tmp_path / "a.tfrecord"
        entry = tfrecord_shards.write_shard(path, examples)
        assert entry == {
            "name": "a.tfrecord",
            "examples": 5,
            "labels": {"0": 2, "2": 2, "1": 1},
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }

    def test_same_examples_same_bytes(self, examples, tmp_path):
        digests = {
            tfrecord_shards.write_shard(tmp_path / name, examples)["sha256"]
            for name in "ab"
        }
        assert len(digests) == 1

    def test_failure_leaves_nothing(self, examples, tmp_path):
        def broken():
            yield examples[0]
            raise ValueError("a damaged image")

        with pytest.raises(ValueError, match="a damaged image"):
            tfrecord_shards.write_shard(tmp_path / "a.tfrecord", broken())
        assert not list(tmp_path.iterdir())


class ReadShardTest:
    def read(self, path, entry):
        images, labels = np.zeros((5, 4, 4, 3), np.uint8), np.zeros(5, int)
        tfrecord_shards.read_shard(path, entry, images, labels)
        return images, labels

    def test_round_trip(self, examples, tmp_path):
        path = tmp_path / "a.tfrecord"
        images, labels = self.read(
            path, tfrecord_shards.write_shard(path, examples)
        )
        np.testing.assert_array_equal(images, [image for image, _ in examples])
        assert labels.tolist() == [0, 2, 2, 1, 0]

    @pytest.mark.parametrize("position", [0, 20, -1])
    def test_one_changed_byte(self, examples, tmp_path, position):
        path = tmp_path / "a.tfrecord"
        entry = tfrecord_shards.write_shard(path, examples)
        content = bytearray(path.read_bytes())
        content[position] ^= 1
        path.write_bytes(content)
        with pytest.raises(ValueError, match="a.tfrecord.*another content"):
            self.read(path, entry)

    def test_missing_file(self, examples, tmp_path):
        path = tmp_path / "a.tfrecord"
        entry = tfrecord_shards.write_shard(path, examples)
        path.unlink()
        with pytest.raises(ValueError, match="a.tfrecord.*no such file"):
            self.read(path, entry)
