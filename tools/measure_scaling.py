r"""Measures what meta-training costs against tasks and workers.

    python -m tools.measure_scaling --output=runs/scaling.json \
        --page=docs/scaling.md

Timed cases run in processes of their own, two for two workers, on the loopback
address. Nothing else should run on the machine meanwhile. About 10 minutes on
two CPU cores. Writes the numbers as JSON, and the tables into the page.
"""

import json
import pathlib

from absl import flags

from tools import binary

_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write.")
_PAGE = flags.DEFINE_string("page", None, "Markdown page to fill, if any.")
_NETWORK = flags.DEFINE_string("network", "conv4", "Network of the timings.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Batch of the timings.")
_TASKS = flags.DEFINE_list("tasks", ["1", "2", "5", "10", "20"], "To time.")
_STEPS = flags.DEFINE_integer("steps", 10, "Steps to time, of each case.")
_TRACED = flags.DEFINE_list(
    "traced_networks", ["conv4", "resnet20"], "Whose exchange is counted."
)
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 32, "Pixels.")


def main():
    from mp_keras import files
    from pipeline.benchmarks import measured_page
    from pipeline.benchmarks import scaling_tables
    from pipeline.runs import runtime

    if not _OUTPUT.value:
        raise ValueError("Flag --output must name a file. Received: none")
    if _PAGE.value:
        measured_page.check(_PAGE.value, scaling_tables.TOOL)
    results = {"machine": runtime.machine()}
    for name, batches in _cases().items():
        results[name] = [row for cases in batches for row in _run(cases)]
    path = pathlib.Path(_OUTPUT.value)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(path, results)
    text = scaling_tables.tables(results)
    if _PAGE.value:
        measured_page.write(_PAGE.value, scaling_tables.TOOL, text)
    print(text)


def _cases():
    """Returns the cases of each table, as dicts: a list for each process."""
    timed = {
        "network": _NETWORK.value,
        "batch_size": _BATCH_SIZE.value,
        "steps": _STEPS.value,
        "image_size": _IMAGE_SIZE.value,
    }
    traced = {"tasks": 2, "workers": 2, "steps": 0}
    tasks = [int(count) for count in _TASKS.value]
    shared = 2 * tasks[len(tasks) // 2]
    return {
        "bytes": [
            [
                {**timed, **traced, "network": network, "batch_size": batch}
                for network in _TRACED.value
                for batch in (8, 16)
            ]
        ],
        "tasks": [[{**timed, "tasks": n, "pinned": False}] for n in tasks],
        "workers": [
            [{**timed, "workers": 1, "tasks": shared}],
            [{**timed, "workers": 2, "tasks": shared}],
            [{**timed, "workers": 1, "tasks": shared // 2}],
        ],
    }


def _run(cases):
    """Returns the cases with the numbers of the chief of their processes."""
    from pipeline.benchmarks import processes

    print(f"measures {json.dumps(cases)}", flush=True)
    measured = processes.run_workers(
        "pipeline.benchmarks.scaling",
        {"cases": cases},
        cases[0].get("workers", 1),
    )
    return [{**case, **row} for case, row in zip(cases, measured)]


if __name__ == "__main__":
    binary.run(main)
