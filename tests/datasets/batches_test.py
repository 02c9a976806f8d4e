import numpy as np
import pytest
import tensorflow as tf

from mp_keras import preprocessing
from pipeline.datasets import batches


def _training(data, **changes):
    arguments = {
        "batch_size": 8,
        "seed": 1,
        "start_step": 0,
        "steps": 12,
        **changes,
    }
    return batches.training_batches(*data, **arguments)


def _numbers(data, **changes):
    """The numbers of the examples in the order in which they come."""
    dataset = _training(data, augment=False, normalize=False, **changes)
    return np.concatenate([images[:, 0, 0, 0] for images, _ in dataset])


class TrainingBatchesTest:
    def test_epoch_visits_each_example_once(self, numbered_data):
        numbers = _numbers(numbered_data, steps=15)  # 120 = 2 epochs of 60
        assert sorted(numbers[:60]) == list(range(60))
        assert sorted(numbers[60:]) == list(range(60))
        assert numbers[:60].tolist() != numbers[60:].tolist()
        assert numbers[:60].tolist() != list(range(60))

    def test_balanced_epoch_visits_classes_alike(self, numbered_data):
        images, labels = numbered_data
        kept = (labels != 0) | (np.cumsum(labels == 0) <= 4)  # 4 of the first
        data = images[kept], labels[kept]
        numbers = _numbers(data, steps=15, balanced=True)  # 2 epochs of 60
        for epoch in (numbers[:60], numbers[60:]):
            assert np.bincount(epoch % 6).tolist() == [10] * 6
            seen = np.bincount(epoch[epoch % 6 == 0])
            assert sorted(seen[seen > 0]) == [2, 2, 3, 3]
            others = epoch[epoch % 6 != 0]
            assert len(set(others)) == 50

    def test_labels_belong_to_images(self, numbered_data):
        dataset = _training(numbered_data, augment=False, normalize=False)
        for images, labels in dataset:
            np.testing.assert_array_equal(images[:, 0, 0, 0] % 6, labels)

    @pytest.mark.parametrize("start_step", [1, 7, 12])
    def test_late_start_equals_tail(self, numbered_data, start_step):
        whole = list(_training(numbered_data))[start_step:]
        late = list(_training(numbered_data, start_step=start_step))
        assert len(late) == 12 - start_step == len(whole)
        for expected, received in zip(whole, late):
            np.testing.assert_array_equal(expected[0], received[0])
            np.testing.assert_array_equal(expected[1], received[1])

    def test_steps_do_not_change_batches(self, numbered_data):
        (short, _), *_ = _training(numbered_data, steps=1)
        (long, _), *_ = _training(numbered_data, steps=5)
        np.testing.assert_array_equal(short, long)

    def test_seed_changes_order_and_crops(self, numbered_data):
        first = _numbers(numbered_data)
        assert first.tolist() != _numbers(numbered_data, seed=2).tolist()
        ones = np.ones((60, 4, 4, 3), np.uint8), numbered_data[1]
        (crops, _), *_ = _training(ones)
        (others, _), *_ = _training(ones, seed=2)
        assert (crops.numpy() != others.numpy()).any()

    def test_example_is_cropped_anew_each_epoch(self):
        image = np.arange(1, 17, dtype=np.uint8).reshape(1, 4, 4, 1)
        dataset = _training((image, [0]), batch_size=1, steps=20, padding=4)
        assert len({images.numpy().tobytes() for images, _ in dataset}) > 10

    def test_batch_may_exceed_the_examples(self, numbered_data):
        few = numbered_data[0][:3], numbered_data[1][:3]
        numbers = _numbers(few, batch_size=7, steps=3)
        for epoch in range(7):
            assert sorted(numbers[3 * epoch :][:3]) == [0, 1, 2]

    def test_shapes_and_types_are_static(self, numbered_data):
        images, labels = _training(numbered_data).element_spec
        assert images == tf.TensorSpec((8, 4, 4, 3), tf.float32)
        assert labels == tf.TensorSpec((8,), tf.int64)

    def test_cardinality_is_known(self, numbered_data):
        dataset = _training(numbered_data, start_step=5)
        assert dataset.cardinality() == 7

    def test_padding_zero_only_flips(self, numbered_data):
        dataset = _training(numbered_data, padding=0, normalize=False)
        for images, labels in dataset:
            np.testing.assert_array_equal(images[:, 0, 0, 0] % 6, labels)

    def test_pixels_are_normalized(self, numbered_data):
        (images, _), *_ = _training(numbered_data, augment=False)
        raw = _numbers(numbered_data)[:8]
        np.testing.assert_allclose(
            images[:, 0, 0, 0], preprocessing.normalize(raw)
        )

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"batch_size": 0}, "Received: batch_size=0"),
            ({"seed": -1}, "Received: seed=-1"),
            ({"start_step": 13}, "start_step=13, steps=12"),
            ({"steps": 1.5}, "Received: steps=1.5"),
            ({"padding": -1}, "Received: padding=-1"),
        ],
    )
    def test_wrong_argument_raises(self, numbered_data, changes, message):
        with pytest.raises(ValueError, match=message):
            _training(numbered_data, **changes)

    def test_wrong_arrays_raise(self, numbered_data):
        images, labels = numbered_data
        with pytest.raises(ValueError, match="60 images and 59 labels"):
            _training((images, labels[1:]))
        with pytest.raises(ValueError, match="`images` must be uint8"):
            _training((images.astype(np.int32), labels))
        with pytest.raises(ValueError, match="`labels` must be integers"):
            _training((images, labels.astype(np.float32)))
        with pytest.raises(ValueError, match="at least 0. Received: -1"):
            _training((images, labels - 1))


class EvaluationBatchesTest:
    def test_all_examples_come_in_order(self, numbered_data):
        images, labels = numbered_data
        dataset = batches.evaluation_batches(images, labels, 16)
        parts = list(dataset)
        assert [len(part[1]) for part in parts] == [16, 16, 16, 12]
        assert dataset.cardinality() == 4
        np.testing.assert_array_equal(
            np.concatenate([part[0] for part in parts]),
            preprocessing.normalize(images),
        )
        np.testing.assert_array_equal(
            np.concatenate([part[1] for part in parts]), labels
        )

    def test_wrong_batch_size_raises(self, numbered_data):
        with pytest.raises(ValueError, match="Received: batch_size=True"):
            batches.evaluation_batches(*numbered_data, True)
