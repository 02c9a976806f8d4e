import numpy as np
import pytest

from pipeline.datasets.tasks import split_tasks


def _check_task(task, images, labels):
    """Labels fit the images, parts are disjoint, all classes are there."""
    assert not set(task.train_indices) & set(task.held_out_indices)
    for part in ("train", "held_out"):
        indices = getattr(task, f"{part}_indices")
        part_labels = getattr(task, f"{part}_labels")
        class_ids = np.array(task.class_ids)
        np.testing.assert_array_equal(class_ids[part_labels], labels[indices])
        assert set(part_labels) == set(range(task.classes))
        np.testing.assert_array_equal(
            getattr(task, f"{part}_images"), images[indices]
        )


class SplitTasksTest:
    @pytest.mark.parametrize(
        ("split", "tasks", "classes", "part"),
        [
            ("class_wise", 3, 2, 10),
            ("class_wise", 2, 3, 15),
            ("swapped_halves", 4, 3, 15),
            ("swapped_halves", 2, 6, 30),
            ("homogeneous", 3, 6, None),
            ("homogeneous", 5, 6, 6),
        ],
    )
    def test_tasks_are_sound(self, numbered_data, split, tasks, classes, part):
        made = split_tasks(*numbered_data, tasks=tasks, split=split)
        assert len(made) == tasks
        for task in made:
            _check_task(task, *numbered_data)
            assert task.classes == classes
            assert task.images is numbered_data[0]
            if part:
                assert len(task.train_labels) == part
                assert len(task.held_out_labels) == part

    def test_class_wise_tasks_have_no_common_class(self, numbered_data):
        made = split_tasks(*numbered_data, tasks=3, split="class_wise")
        ids = [label for task in made for label in task.class_ids]
        assert sorted(ids) == list(range(6))

    def test_swapped_halves_swap_the_parts(self, numbered_data):
        made = split_tasks(*numbered_data, tasks=4)
        for first, second in (made[:2], made[2:]):
            assert first.class_ids == second.class_ids
            assert set(first.train_indices) == set(second.held_out_indices)
            assert set(first.held_out_indices) == set(second.train_indices)
        assert not set(made[0].class_ids) & set(made[2].class_ids)

    def test_homogeneous_tasks_have_no_common_example(self, numbered_data):
        made = split_tasks(*numbered_data, tasks=3, split="homogeneous")
        used = [
            index
            for task in made
            for part in (task.train_indices, task.held_out_indices)
            for index in part
        ]
        assert sorted(used) == list(range(60))

    def test_remainder_classes_are_dropped(self, numbered_data):
        images, labels = numbered_data
        some = labels < 5
        made = split_tasks(
            images[some], labels[some], tasks=2, split="class_wise"
        )
        assert [task.classes for task in made] == [2, 2]
        assert len({i for task in made for i in task.class_ids}) == 4

    def test_seed_decides(self, numbered_data):
        def groups(seed):
            made = split_tasks(*numbered_data, tasks=4, seed=seed)
            return [tuple(task.train_indices) for task in made]

        assert groups(0) == groups(0)
        assert groups(0) != groups(1)

    def test_labels_need_not_be_contiguous(self, numbered_data):
        images, labels = numbered_data
        for task in split_tasks(images, labels * 10, tasks=4):
            _check_task(task, images, labels * 10)

    @pytest.mark.parametrize("split", ["class_wise", "swapped_halves"])
    def test_too_few_classes_raise(self, numbered_data, split):
        tasks = {"class_wise": 4, "swapped_halves": 8}[split]
        with pytest.raises(
            ValueError, match=f"`tasks`={tasks} needs.*Received: 6 classes"
        ):
            split_tasks(*numbered_data, tasks=tasks, split=split)

    def test_wrong_tasks_and_splits_raise(self, numbered_data):
        with pytest.raises(ValueError, match="even.*Received: tasks=3"):
            split_tasks(*numbered_data, tasks=3)
        with pytest.raises(
            ValueError, match="class_wise, swapped_halves, homogeneous.*'x'"
        ):
            split_tasks(*numbered_data, tasks=2, split="x")
        images, labels = numbered_data
        with pytest.raises(ValueError, match="Received: 1 class"):
            split_tasks(images, labels * 0, tasks=2, split="homogeneous")

    def test_too_few_examples_raise(self, numbered_data):
        with pytest.raises(ValueError, match="12 examples.*10 of class 0"):
            split_tasks(*numbered_data, tasks=6, split="homogeneous")
        with pytest.raises(ValueError, match="2 examples.*1 of class"):
            images, labels = numbered_data
            split_tasks(images[:6], labels[:6], tasks=2)


class TrainExamplesTest:
    @pytest.mark.parametrize(
        ("split", "train", "held_out"),
        [("class_wise", 5, 10), ("homogeneous", 5, 2)],
    )
    def test_so_many_of_each_class_the_others_held_out(
        self, split, train, held_out
    ):
        labels = np.repeat(np.arange(4), 15)
        images = np.zeros((60, 4, 4, 3), np.uint8)
        made = split_tasks(
            images, labels, tasks=2, split=split, train_examples=5
        )
        for task in made:
            counts = np.bincount(task.train_labels)
            assert set(counts) == {train}
            others = set(np.bincount(task.held_out_labels))
            assert others <= {held_out, held_out + 1}
            both = [*task.train_indices, *task.held_out_indices]
            assert len(set(both)) == len(both)
            assert [task.class_ids[k] for k in task.train_labels] == list(
                labels[task.train_indices]
            )

    @pytest.mark.parametrize(
        ("split", "number", "message"),
        [
            ("swapped_halves", 2, "must be None for(.|\n)*train_examples=2"),
            ("class_wise", 0, "`train_examples` must be"),
            ("class_wise", 8, "at least 9 examples(.|\n)*8 of class"),
            ("homogeneous", 4, "at least 10 examples(.|\n)*8 of class 0"),
        ],
    )
    def test_wrong_number_raises(self, split, number, message):
        labels = np.repeat(np.arange(4), 8)
        images = np.zeros((32, 4, 4, 3), np.uint8)
        with pytest.raises(ValueError, match=message):
            split_tasks(
                images, labels, tasks=2, split=split, train_examples=number
            )


class ClassesPerTaskTest:
    @pytest.mark.parametrize(
        ("split", "tasks", "classes"),
        [("class_wise", 3, 9), ("swapped_halves", 4, 6), ("homogeneous", 2, 3)],
    )
    def test_each_task_has_so_many(self, split, tasks, classes):
        labels = np.repeat(np.arange(20), 8)
        images = np.zeros((160, 4, 4, 3), np.uint8)
        made = split_tasks(
            images, labels, tasks=tasks, split=split, classes_per_task=3
        )
        assert [task.classes for task in made] == [3] * tasks
        used = {label for task in made for label in task.class_ids}
        assert len(used) == classes

    def test_too_many_raise(self):
        labels = np.repeat(np.arange(5), 8)
        images = np.zeros((40, 4, 4, 3), np.uint8)
        with pytest.raises(ValueError, match="at most 2.*classes_per_task=3"):
            split_tasks(
                images,
                labels,
                tasks=2,
                split="class_wise",
                classes_per_task=3,
            )
