"""Which classes of a source a task has, so that configs keep them apart."""

import random


def task_classes(all_classes, first, count, classes=10):
    """Returns the classes of each of some tasks, none of which shares any.

    Args:
        all_classes: Int, classes of the source, put in a fixed random order.
        first: Int, number of the first task in that order.
        count: Int, tasks.
        classes: Int, default 10: classes of a task.
    """
    order = random.Random(0).sample(range(all_classes), all_classes)
    return tuple(
        tuple(order[number * classes :][:classes])
        for number in range(first, first + count)
    )
