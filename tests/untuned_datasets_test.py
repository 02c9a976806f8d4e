"""Data sets whose end is not waited for: their content stays what it was."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import mp_keras
from mp_keras import untuned_datasets
from pipeline import datasets

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3), np.uint8)
LABELS = np.arange(10) % 2


def is_tuned(dataset):
    return dataset.options().autotune.enabled is not False


class BatchedTest:
    def test_arrays_keep_values_types_order_and_structure(self):
        inputs = {"images": [IMAGES, IMAGES / 255], "seeds": LABELS}
        batches = list(untuned_datasets.batched(inputs, 4).as_numpy_iterator())
        assert [len(batch["seeds"]) for (batch,) in batches] == [4, 4, 2]
        joined = keras.tree.map_structure(
            lambda *parts: np.concatenate(parts), *batches
        )
        (found,) = joined
        np.testing.assert_array_equal(found["seeds"], LABELS)
        for actual, expected in zip(found["images"], inputs["images"]):
            assert actual.dtype == expected.dtype
            np.testing.assert_array_equal(actual, expected)

    def test_is_not_tuned_by_default_size(self):
        dataset = untuned_datasets.batched(np.zeros((33, 2)), None)
        assert not is_tuned(dataset)
        assert [len(batch) for (batch,) in dataset] == [32, 1]

    def test_what_is_no_array_stays(self):
        dataset = tf.data.Dataset.range(3)
        assert untuned_datasets.batched(dataset, 2) is dataset
        assert untuned_datasets.batched([[1.0]], 2) == [[1.0]]


class _Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        start = 4 * index
        return IMAGES[start : start + 4], LABELS[start : start + 4]


class ListedTest:
    def test_batches_come_each_time_whole_and_in_order(self):
        dataset = untuned_datasets.listed(_Batches())
        assert not is_tuned(dataset)
        assert len(dataset) == 3
        for _ in range(2):
            images, labels = zip(*dataset.as_numpy_iterator())
            np.testing.assert_array_equal(np.concatenate(images), IMAGES)
            np.testing.assert_array_equal(np.concatenate(labels), LABELS)
            assert images[0].dtype == IMAGES.dtype


class OursTest:
    def test_no_training_or_evaluation_waits_for_a_tuner(self):
        task = datasets.Task(
            images=IMAGES,
            train_indices=np.arange(6),
            train_labels=LABELS[:6],
            held_out_indices=np.arange(6, 10),
            held_out_labels=LABELS[6:],
            class_ids=(0, 1),
        )
        steps = {"batch_size": 2, "seed": 0, "start_step": 0, "steps": 2}
        for dataset in (
            datasets.training_batches(IMAGES, LABELS, **steps),
            datasets.evaluation_batches(IMAGES, LABELS, 4),
            datasets.task_batches([task], **steps),
        ):
            assert not is_tuned(dataset)

    @pytest.mark.parametrize("arguments", [(4, 0), (None, 0), (3,)])
    def test_a_classifier_predicts_as_keras_does(self, arguments):
        inputs = keras.Input((8, 8, 3))
        outputs = keras.layers.Dense(2)(keras.layers.Flatten()(inputs))
        averaged = mp_keras.MonteCarloClassifier(keras.Model(inputs, outputs))
        images, seeds = IMAGES / 255, np.zeros(10, "int32")
        found = averaged.predict((images, seeds), *arguments)
        expected = keras.Model.predict(averaged, (images, seeds), verbose=0)
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        dataset = tf.data.Dataset.from_tensors(((images, seeds),))
        np.testing.assert_allclose(averaged.predict(dataset), expected, 1e-6)
