"""The small tasks that φ is learned on: they overfit."""

import jax
import numpy as np

from pipeline.many_runs import study


def make_tasks(files, size, count, seed):
    """Returns images on the device and the tasks' labels and cuts.

    Args:
        files: npz files, as `study.read_images`.
        size: Int, pixels.
        count: Int, tasks.
        seed: Int.

    Returns: images, and a list of dicts `labels`, `train`, `held_out`: 40 and
        the other images of each of 10 classes.
    """
    pool, labels, _ = study.read_images(files, size)
    classes = np.unique(labels)
    tasks = []
    for index in range(count):
        random = np.random.default_rng([seed, index])
        chosen = random.choice(classes, 10, replace=False)
        parts = {"train": [], "held_out": []}
        renamed = np.full(len(labels), -1, "int32")
        for number, label in enumerate(chosen):
            order = random.permutation(np.flatnonzero(labels == label))
            renamed[order] = number
            parts["train"].append(order[:40])
            parts["held_out"].append(order[40:])
        joined = {name: np.concatenate(part) for name, part in parts.items()}
        tasks.append({"labels": renamed, **joined})
    return jax.device_put(pool), tasks
