"""A step of meta-training, against the number of its tasks.

Both passes and both updates (MetaPerturb, Algorithm 1). Every number of tasks
has a process of its own, so that peak memory is its own.
"""

import statistics

from pipeline.benchmarks import authors
from pipeline.benchmarks import interleaving
from pipeline.benchmarks import processes


def measure(network, image_size, batch_size, tasks, steps):
    """Returns the numbers of this process for one number of tasks.

    Args:
        network: Str, a name of pipeline/trainings/networks.py.
        image_size: Int, pixels.
        batch_size: Int, examples of a training or a held-out batch.
        tasks: Int.
        steps: Int, steps whose time is taken.

    Returns: dict: `tasks`, `step_ms` (median), `per_task_ms`,
        `start_s`, `peak_mb` (10^6 bytes) and `data_mb`, what the batches
        take of it.
    """
    from pipeline.benchmarks import scaling

    case = {
        "network": network,
        "batch_size": batch_size,
        "tasks": tasks,
        "steps": steps,
        "image_size": image_size,
        "pinned": False,
    }
    measured = scaling.measure([case])[0]
    numbers = 2 * tasks * batch_size * image_size**2 * 3
    return {
        "tasks": tasks,
        "step_ms": measured["step_ms"],
        "per_task_ms": measured["step_ms"] / tasks,
        "start_s": measured["start_s"],
        "peak_mb": measured["peak_mb"],
        "data_mb": 4 * numbers / 1e6,
    }


def measure_all(tasks, steps, against=None, python="", **case):
    """Returns the numbers for several numbers of tasks.

    Args:
        tasks: Sequence of ints.
        steps: Int, steps of each whose time is taken.
        against: Path of the authors' repository, or None.
        python: Path of the interpreter for it.
        **case: `network`, `image_size`, `batch_size`.

    Returns: dict: `rows`, what `measure` returns for each; `growth`, of the
        time per task from the second smallest number of tasks to the largest
        (1: linear); with `against`, `authors_ms`, a step of one task of
        theirs, and `to_authors`, our median time per task over it.
    """
    rows = []
    for count in tasks:
        settings = {**case, "tasks": count, "steps": steps}
        rows.append(processes.run(__name__, settings))
    several = rows[1:] or rows
    measured = {
        "rows": rows,
        "growth": several[-1]["per_task_ms"] / several[0]["per_task_ms"],
    }
    with authors.steps(against, python, **case) as theirs:
        if theirs:
            rounds = max(5, steps)
            seconds = interleaving.measure({"meta": theirs["meta"]}, rounds)
            measured["authors_ms"] = interleaving.milliseconds(seconds["meta"])
            per_task = statistics.median(row["per_task_ms"] for row in rows)
            measured["to_authors"] = (
                per_task / measured["authors_ms"]["median_ms"]
            )
    return measured
