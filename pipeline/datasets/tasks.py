"""Cuts one labelled data set into the tasks of meta-training.

MetaPerturb (NeurIPS 2020), section 4 and appendix ("heterogeneous" and
"homogeneous" splits); each task has a training and a held-out half (Algorithm
1). Three ways:

- `class_wise`, the paper's: T groups of classes, one task each.
- `swapped_halves`, the authors' code and the default: T / 2 groups of classes,
  two tasks each that swap their training and held-out halves.
- `homogeneous`: every task has all classes and a share of the examples.

    groups = permuted classes, cut into groups of equal size
    for each class: shuffle its examples and cut them into two halves
    task   = (first halves, second halves) of the classes of its group

Classes left over when the groups are of equal size belong to no task.
"""

import dataclasses

import numpy as np

from pipeline.datasets import argument_checks
from pipeline.datasets import stratified

SPLITS = ("class_wise", "swapped_halves", "homogeneous")


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """One task: index arrays into images that all tasks share.

    Attributes:
        images: `(examples, height, width, channels)`, shared, not copied; an
            array or `MappedImages`.
        train_indices: int64 `(n,)`, positions in `images`.
        train_labels: int64 `(n,)` in [0, classes).
        held_out_indices: int64 `(m,)`, disjoint from `train_indices`.
        held_out_labels: int64 `(m,)` in [0, classes).
        class_ids: Tuple of int; the task's label k is `class_ids[k]` outside.
    """

    images: np.ndarray
    train_indices: np.ndarray
    train_labels: np.ndarray
    held_out_indices: np.ndarray
    held_out_labels: np.ndarray
    class_ids: tuple

    @property
    def classes(self):
        """Int, the number of classes of the task."""
        return len(self.class_ids)

    @property
    def train_images(self):
        """The training images `(n, height, width, channels)`, a copy."""
        return self.images[self.train_indices]

    @property
    def held_out_images(self):
        """The held-out images `(m, height, width, channels)`, a copy."""
        return self.images[self.held_out_indices]


def split_tasks(
    images,
    labels,
    *,
    tasks,
    split="swapped_halves",
    seed=0,
    classes_per_task=None,
    train_examples=None,
):
    """Cuts a data set into tasks with the same number of classes each.

    Args:
        images: `(examples, height, width, channels)`, uint8 or float32.
        labels: `(examples,)` integers of at least 0.
        tasks: Int of at least 1, even for "swapped_halves".
        split: "class_wise", "swapped_halves" (default) or "homogeneous".
        seed: Int of at least 0. Decides the groups and the halves.
        classes_per_task: Int of at least 2, or None (default) for as many as
            there are. Fewer make tasks that a small network learns sooner.
        train_examples: Int of at least 1, examples of each class that a task
            trains on, the others being held out; or None (default) for half
            of them. Not for "swapped_halves".

    Returns:
        Tuple of `tasks` `Task`s. In "swapped_halves" tasks 2k and 2k + 1 share
        their classes. An odd example goes to the first half.

    Raises:
        ValueError: If an argument is wrong, if a group would have fewer than
            2 classes, or if a class has too few examples.
    """
    _check_train_examples(train_examples, split)
    images, labels = argument_checks.check_images(images, labels)
    tasks = argument_checks.check_int("tasks", tasks, 1)
    seed = argument_checks.check_int("seed", seed, 0)
    if split not in SPLITS:
        raise ValueError(
            f"`split` must be one of {', '.join(SPLITS)}. "
            f"Received: split={split!r}"
        )
    if split == "swapped_halves" and tasks % 2:
        raise ValueError(
            "`tasks` must be even for split='swapped_halves'. "
            f"Received: tasks={tasks}"
        )
    by_class = stratified.shuffled_class_indices(labels, seed)
    swap = split == "swapped_halves"
    count = {"homogeneous": 1, "swapped_halves": tasks // 2}.get(split, tasks)
    if classes_per_task is not None:
        by_class = _some_classes(by_class, count, classes_per_task, seed)
    if split == "homogeneous":
        return _homogeneous_tasks(images, by_class, tasks, train_examples)
    groups = _class_groups(by_class, tasks, count, seed)
    _check_examples(by_class, groups.ravel(), (train_examples or 1) + 1)
    made = []
    for group in groups.tolist():
        halves = [_halves(by_class[label], train_examples) for label in group]
        made.append(_make_task(images, group, halves))
        if swap:
            swapped = [half[::-1] for half in halves]
            made.append(_make_task(images, group, swapped))
    return tuple(made)


def _some_classes(by_class, groups, classes_per_task, seed):
    """Keeps as many random classes as the groups need."""
    argument_checks.check_int("classes_per_task", classes_per_task, 2)
    needed = groups * classes_per_task
    if needed > len(by_class):
        raise ValueError(
            f"`classes_per_task` must be at most {len(by_class) // groups}, "
            f"for {groups} groups of {len(by_class)} classes. "
            f"Received: classes_per_task={classes_per_task}"
        )
    order = np.random.default_rng([seed, 0, 2]).permutation(sorted(by_class))
    return {label: by_class[label] for label in np.sort(order[:needed])}


def _class_groups(by_class, tasks, groups, seed):
    """Returns `(groups, classes per group)` labels, sorted in each group."""
    size = len(by_class) // groups
    if size < 2:
        raise ValueError(
            f"`tasks`={tasks} needs {groups} groups of at least 2 classes, "
            f"{2 * groups} classes in all. Received: {len(by_class)} classes"
        )
    # Three words, because [seed] and [seed, label] can be the same generator.
    generator = np.random.default_rng([seed, 0, 1])
    order = generator.permutation(sorted(by_class))
    return np.sort(order[: groups * size].reshape(groups, size), axis=1)


def _check_train_examples(train_examples, split):
    if train_examples is None:
        return
    argument_checks.check_int("train_examples", train_examples, 1)
    if split == "swapped_halves":
        raise ValueError(
            "`train_examples` must be None for split='swapped_halves', whose "
            "tasks swap their halves. "
            f"Received: train_examples={train_examples}"
        )


def _halves(indices, train_examples):
    """Returns a class' examples in two parts, to train on and held out."""
    if train_examples is None:
        return np.array_split(indices, 2)
    return np.split(indices, [train_examples])


def _homogeneous_tasks(images, by_class, tasks, train_examples):
    group = sorted(by_class)
    if len(group) < 2:
        raise ValueError(
            "`labels` must hold at least 2 classes. "
            f"Received: {len(group)} class"
        )
    _check_examples(by_class, group, ((train_examples or 1) + 1) * tasks)
    shares = [np.array_split(by_class[label], tasks) for label in group]
    return tuple(
        _make_task(
            images,
            group,
            [_halves(share[task], train_examples) for share in shares],
        )
        for task in range(tasks)
    )


def _check_examples(by_class, group, minimum):
    for label in group:
        if len(by_class[label]) < minimum:
            raise ValueError(
                f"Each class needs at least {minimum} examples for this split. "
                f"Received: {len(by_class[label])} of class {label}"
            )


def _make_task(images, group, halves):
    """Builds a task from one (training, held-out) pair of each class."""
    parts = []
    for part in (0, 1):
        indices = np.concatenate([half[part] for half in halves])
        sizes = [len(half[part]) for half in halves]
        parts += [indices, np.repeat(np.arange(len(halves)), sizes)]
    return Task(images, *parts, class_ids=tuple(group))
