r"""Measures what meta-training costs against tasks and workers.

    python -m tools.measure_scaling --out=runs/scaling.json \
        --page=docs/scaling.md

Timed cases run in processes of their own, two for two workers, on the loopback
address. Nothing else should run on the machine meanwhile. About 10 minutes on
two CPU cores. Writes the figures as JSON, and the tables into the page.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys

from absl import flags

from tools import binary

_OUT = flags.DEFINE_string("out", None, "JSON file to write.")
_PAGE = flags.DEFINE_string("page", None, "Markdown page to fill, if any.")
_NETWORK = flags.DEFINE_string("network", "conv4", "Network of the timings.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Batch of the timings.")
_TASKS = flags.DEFINE_list("tasks", ["1", "2", "5", "10", "20"], "To time.")
_STEPS = flags.DEFINE_integer("steps", 10, "Steps to time, of each case.")
_TRACED = flags.DEFINE_list(
    "traced_networks", ["conv4", "resnet20"], "Whose exchange is counted."
)
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 32, "Pixels.")
_CASES = flags.DEFINE_string("cases", None, "JSON: measures only these.")

_ROOT = pathlib.Path(__file__).resolve().parents[1]


def main():
    if _CASES.value:
        _measure(json.loads(_CASES.value))
        return
    from pipeline.runs import runtime

    if not _OUT.value:
        raise ValueError("Flag --out must name a file. Received: none")
    if _PAGE.value:
        from pipeline.benchmarks import scaling_tables

        scaling_tables.check_page(_PAGE.value)
    results = {"machine": runtime.machine()}
    for name, batches in _cases().items():
        results[name] = [row for cases in batches for row in _run(cases)]
    _write(results)


def _write(results):
    from mp_keras import files
    from pipeline.benchmarks import scaling_tables

    path = pathlib.Path(_OUT.value)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(path, results)
    if _PAGE.value:
        scaling_tables.write_page(_PAGE.value, results)
    print(scaling_tables.tables(results))


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
    """Returns the cases with the figures of the chief of their processes."""
    text = json.dumps(cases)
    print(f"measures {text}", flush=True)
    addresses = _free_addresses(cases[0].get("workers", 1))
    processes = [
        _start(text, addresses, number) for number in range(len(addresses))
    ]
    outputs = [process.communicate() for process in processes]
    for process, (_, errors) in zip(processes, outputs):
        if process.returncode:
            raise ChildProcessError(
                f"Cases {text} failed: " + " ".join(errors.splitlines()[-1:])
            )
    figures = json.loads(outputs[0][0].splitlines()[-1])
    return [{**case, **row} for case, row in zip(cases, figures)]


def _start(text, addresses, number):
    config = {
        "cluster": {"worker": addresses},
        "task": {"type": "worker", "index": number},
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tools.measure_scaling", f"--cases={text}"],
        cwd=_ROOT,
        env={**os.environ, "TF_CONFIG": json.dumps(config)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _measure(cases):
    from pipeline.benchmarks import scaling
    from pipeline.workers import cluster as cluster_module

    cases = [scaling.Case(**values) for values in cases]
    cluster = None
    if cases[0].workers > 1:
        cluster = cluster_module.from_environment()
    print(json.dumps(scaling.measure(cases, cluster)))


def _free_addresses(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return [f"127.0.0.1:{port}" for port in ports]


if __name__ == "__main__":
    binary.run(main)
