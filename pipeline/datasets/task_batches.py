"""Batches of all tasks of meta-training, one element per step.

MetaPerturb (NeurIPS 2020), Algorithm 1: every step takes a training and a
held-out batch of every task. Each is a pure function of the seed, the step,
the task and the part (see `batches.py`).

    element e of the inner data set is task e % T of step e // T
    .batch(T) makes the task axis, which a `tf.distribute` strategy can split

A worker among several asks for its own tasks only, in elements of the tasks of
one replica; each task's batches are the same whoever makes them.

All tasks' index arrays lie in one flat table, so the graph has one branch for
training and one for held-out batches, however many tasks there are.
"""

import numpy as np
import tensorflow as tf

from mp_keras import preprocessing
from pipeline.datasets import argument_checks
from pipeline.datasets import augmentation
from pipeline.datasets import batches
from pipeline.datasets import mapped_images
from pipeline.datasets import random_bits

_STREAM = 2  # 0 and 1 are those of `training_batches`


def task_batches(
    tasks,
    *,
    batch_size,
    seed,
    start_step,
    steps,
    augment=True,
    only=None,
    tasks_per_element=None,
):
    """Makes the batches of all tasks for steps `start_step` to `steps`.

    Args:
        tasks: Sequence of `Task`s, whose images have one size.
        batch_size: Int, at most the smallest part of any task.
        seed: Int of at least 0.
        start_step: Int, the first step to yield; the batches of a step do not
            depend on it.
        steps: Int, the step to stop before.
        augment: Bool, whether to crop and flip, held-out batches as well.
        only: Range of the tasks whose batches are made, by number, or None
            for all of them.
        tasks_per_element: Int that divides their number, or None for all of
            them in one element; else a step is several elements.

    Returns:
        `tf.data.Dataset` of `steps - start_step` tuples (train_images,
        train_labels, held_out_images, held_out_labels), or so many times the
        elements of a step: images float32 in [-1, 1] `(tasks, batch, height,
        width, channels)`, labels int64 `(tasks, batch)`.

    Raises:
        ValueError: If an argument is wrong, `tasks` is empty, or `batch_size`
            exceeds the smallest part of a task.
    """
    tasks = tuple(tasks)
    batch_size = argument_checks.check_int("batch_size", batch_size, 1)
    seed = argument_checks.check_int("seed", seed, 0)
    start_step, steps = batches.check_steps(start_step, steps)
    _check_tasks(tasks, batch_size)
    table = _make_table(tasks, seed)
    only = range(len(tasks)) if only is None else only
    count = len(only)
    per_element = tasks_per_element or count
    _check_share(only, per_element, len(tasks))

    def make_element(number):
        step, task = number // count, only.start + number % count
        positions = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        train = _draw(table, positions, task, augment)
        return train + _draw(table, positions, task + len(tasks), augment)

    dataset = tf.data.Dataset.range(start_step * count, steps * count)
    dataset = batches.in_order(dataset, make_element)
    dataset = dataset.batch(per_element, drop_remainder=True)
    return batches.ahead(dataset, 1)


def _check_tasks(tasks, batch_size):
    if not tasks:
        raise ValueError("`tasks` must hold at least one task. Received: none")
    shapes = {task.images.shape[1:] for task in tasks}
    types = {task.images.dtype for task in tasks}
    if len(shapes) > 1 or len(types) > 1:
        raise ValueError(
            "`tasks` must all have images of one shape and type. Received: "
            f"shapes {sorted(shapes)}, types {sorted(map(str, types))}"
        )
    classes = {task.classes for task in tasks}
    if len(classes) > 1:
        raise ValueError(
            "`tasks` must all have the same number of classes. "
            f"Received: {sorted(classes)}"
        )
    smallest = min(
        min(len(task.train_indices), len(task.held_out_indices))
        for task in tasks
    )
    if batch_size > smallest:
        raise ValueError(
            "`batch_size` must not exceed the smallest training or held-out "
            f"part of a task, {smallest} examples. "
            f"Received: batch_size={batch_size}"
        )


def _check_share(only, per_element, tasks):
    if not only or only.step != 1 or only[0] < 0 or only[-1] >= tasks:
        raise ValueError(
            f"`only` must be a range of the numbers of {tasks} tasks, without "
            f"gaps. Received: only={only}"
        )
    if len(only) % per_element:
        raise ValueError(
            f"`tasks_per_element` must divide {len(only)}, the number of "
            f"tasks. Received: tasks_per_element={per_element}"
        )


def _make_table(tasks, seed):
    """Lays all parts of all tasks end to end.

    Part t is the training part of task t, part T + t its held-out part.

    Returns:
        Dict: `images`, a function that reads them by index; and tensors:
        `indices` and `labels`, int64, the concatenated parts; `starts` and
        `sizes`, int64 `(2 T,)`, where each part lies in them; `order` and
        `crops`, int64 `(2 T,)`, random streams.
    """
    arrays = list({id(task.images): task.images for task in tasks}.values())
    first_rows = np.cumsum([0] + [len(array) for array in arrays])
    first_row = {id(a): row for a, row in zip(arrays, first_rows)}
    rows = [first_row[id(task.images)] for task in tasks]
    indices = [t.train_indices + row for t, row in zip(tasks, rows)]
    indices += [t.held_out_indices + row for t, row in zip(tasks, rows)]
    labels = [task.train_labels for task in tasks]
    labels += [task.held_out_labels for task in tasks]
    sizes = [len(part) for part in indices]
    streams = [
        [
            random_bits.stream_number(seed, _STREAM, task, side, kind)
            for side in (0, 1)
            for task in range(len(tasks))
        ]
        for kind in (0, 1)
    ]
    if len(arrays) > 1 and any(map(mapped_images.is_mapped, arrays)):
        raise ValueError(
            "`tasks` must share their images where these are read from disk. "
            f"Received: {len(arrays)} different ones"
        )
    whole = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
    with tf.device("CPU:0"):
        return {
            "images": mapped_images.reader(whole),
            "indices": tf.constant(np.concatenate(indices), tf.int64),
            "labels": tf.constant(np.concatenate(labels), tf.int64),
            "starts": tf.constant(np.cumsum([0] + sizes[:-1]), tf.int64),
            "sizes": tf.constant(sizes, tf.int64),
            "order": tf.constant(streams[0], tf.int64),
            "crops": tf.constant(streams[1], tf.int64),
        }


def _draw(table, positions, part, augment):
    """Returns the images and labels of one part at `positions` `(batch,)`."""
    places = table["starts"][part] + random_bits.shuffled_indices(
        positions, table["sizes"][part], table["order"][part]
    )
    images = table["images"](tf.gather(table["indices"], places))
    if augment:
        crops = tf.fill(tf.shape(positions), table["crops"][part])
        seeds = tf.stack([crops, positions], axis=1)  # (batch, 2)
        images = augmentation.crop_and_flip(images, seeds)
    return preprocessing.normalize(images), tf.gather(table["labels"], places)
