import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mp_keras import preprocessing
from pipeline.datasets.task_batches import task_batches
from pipeline.datasets.tasks import split_tasks


def _batches(tasks, **changes):
    arguments = {
        "batch_size": 5,
        "seed": 0,
        "start_step": 0,
        "steps": 6,
        **changes,
    }
    return task_batches(tasks, **arguments)


def _numbers(images):
    """Inverts `normalize` for the `numbered_data`."""
    corners = np.asarray(images)[..., 0, 0, 0]
    return np.round((corners * 0.5 + 0.5) * 255).astype(int)


@pytest.fixture
def tasks(numbered_data):
    return split_tasks(*numbered_data, tasks=4)


class TaskBatchesTest:
    def test_shapes_are_static(self, tasks):
        spec = _batches(tasks).element_spec
        images = tf.TensorSpec((4, 5, 4, 4, 3), tf.float32)
        labels = tf.TensorSpec((4, 5), tf.int64)
        assert spec == (images, labels, images, labels)
        assert _batches(tasks, start_step=2).cardinality() == 4

    def test_epoch_visits_each_part_once(self, tasks):
        steps = list(_batches(tasks, steps=3, augment=False))  # 15 examples
        for index, task in enumerate(tasks):
            train = [_numbers(step[0][index]) for step in steps]
            held_out = [_numbers(step[2][index]) for step in steps]
            assert sorted(np.concatenate(train)) == sorted(task.train_indices)
            assert sorted(np.concatenate(held_out)) == sorted(
                task.held_out_indices
            )

    def test_labels_belong_to_images(self, tasks, numbered_data):
        for step in _batches(tasks, augment=False):
            for images, labels in (step[:2], step[2:]):
                for index, task in enumerate(tasks):
                    ids = np.array(task.class_ids)[labels[index]]
                    numbers = _numbers(images[index])
                    np.testing.assert_array_equal(
                        numbered_data[1][numbers], ids
                    )

    def test_late_start_equals_tail(self, tasks):
        whole = list(_batches(tasks))[4:]
        late = list(_batches(tasks, start_step=4))
        assert len(late) == 2
        for expected, received in zip(whole, late):
            for first, second in zip(expected, received):
                np.testing.assert_array_equal(first, second)

    @pytest.mark.parametrize("per_element", [None, 1])
    def test_share_has_the_batches_of_all(self, tasks, per_element):
        """What worker 1 of two makes, in whole steps or task by task."""
        whole = list(_batches(tasks, start_step=2))
        dataset = _batches(
            tasks,
            start_step=2,
            only=range(2, 4),
            tasks_per_element=per_element,
        )
        assert dataset.cardinality() == 4 * (2 // (per_element or 2))
        parts = [np.concatenate(part) for part in zip(*dataset)]
        for index, part in enumerate(parts):
            expected = np.concatenate([step[index][2:] for step in whole])
            np.testing.assert_array_equal(part, expected)

    @pytest.mark.parametrize("only", [range(0), range(2, 5), range(0, 4, 2)])
    def test_share_outside_the_tasks_raises(self, tasks, only):
        with pytest.raises(ValueError, match="`only` must be a range.*4 tas"):
            _batches(tasks, only=only)

    def test_wrong_arguments_raise(self, tasks):
        with pytest.raises(ValueError, match="must divide 4(.|\n)*element=3"):
            _batches(tasks, tasks_per_element=3)
        with pytest.raises(ValueError, match="15 examples.*batch_size=16"):
            _batches(tasks, batch_size=16)
        with pytest.raises(ValueError, match="at least one task"):
            _batches([])

    def test_tasks_and_parts_have_their_own_streams(self, tasks):
        same = dataclasses.replace(
            tasks[0],
            held_out_indices=tasks[0].train_indices,
            held_out_labels=tasks[0].train_labels,
        )
        step = next(iter(_batches([same, same], batch_size=15, augment=False)))
        orders = {
            tuple(_numbers(images[task]))
            for images in (step[0], step[2])
            for task in (0, 1)
        }
        assert len(orders) == 4

    def test_held_out_batches_are_augmented(self, numbered_data):
        images = np.full((60, 4, 4, 3), 255, np.uint8)
        tasks = split_tasks(images, numbered_data[1], tasks=2)
        step = next(iter(_batches(tasks)))
        black = preprocessing.normalize(np.zeros((), np.uint8)).numpy()
        assert (step[0].numpy() == black).any()
        assert (step[2].numpy() == black).any()

    def test_tasks_may_have_images_of_their_own(self, tasks, numbered_data):
        images, labels = numbered_data
        others = split_tasks(images + 100, labels, tasks=4)
        dataset = _batches([tasks[0], others[0]], augment=False, steps=3)
        numbers = np.concatenate([_numbers(step[0]) for step in dataset], 1)
        assert sorted(numbers[0]) == sorted(tasks[0].train_indices)
        assert sorted(numbers[1]) == sorted(others[0].train_indices + 100)

    def test_graph_does_not_grow_with_tasks(self, numbered_data):
        images, labels = numbered_data

        def nodes(tasks):
            made = split_tasks(images, labels, tasks=tasks, split="homogeneous")
            dataset = _batches(made, batch_size=2)
            graph = dataset._as_serialized_graph().numpy()
            definition = tf.compat.v1.GraphDef.FromString(graph)
            return sum(len(f.node_def) for f in definition.library.function)

        assert nodes(2) == nodes(5)

    def test_unlike_tasks_raise(self, tasks, numbered_data):
        images, labels = numbered_data
        wide = split_tasks(images[:, :, :2], labels, tasks=4)
        with pytest.raises(ValueError, match="one shape and type"):
            _batches([tasks[0], wide[0]])
        larger = split_tasks(images, labels, tasks=2)
        with pytest.raises(ValueError, match=r"classes. Received: \[3, 6\]"):
            _batches([tasks[0], larger[0]])
