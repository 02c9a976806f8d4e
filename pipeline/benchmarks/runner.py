"""All measurements of tools/benchmark.py, and the limits of their ratios."""

import functools
import operator
import os

from pipeline.benchmarks import determinism
from pipeline.benchmarks import large_source
from pipeline.benchmarks import meta_step
from pipeline.benchmarks import processes

PARTS = (
    "training_step",
    "meta_step",
    "prediction",
    "input_pipeline",
    "position",
    "applications",
    "large_source",
    "determinism",
)


def measure(parts, against=None, torch_python="", jax_python=""):
    """Returns what each part measures, by its name.

    Args:
        parts: Dict from the name of a part, a module of this package, to the
            settings of its `measure`.
        against: Path of the authors' repository, or None.
        torch_python: Path of an interpreter with PyTorch, for `against`.
        jax_python: Path of an interpreter with JAX, or "": the training step
            is measured there as well, as `training_step_jax`.

    Raises: ValueError, if a part is unknown; ChildProcessError, if a process
        fails.
    """
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise ValueError(
            f"Parts must be of {PARTS}. Received: {sorted(unknown)}"
        )
    theirs = {"against": against, "python": torch_python} if against else {}
    results = {}
    for name, settings in parts.items():
        print(f"measures {name}", flush=True)
        if name == "meta_step":  # a process for each number of tasks
            results[name] = meta_step.measure_all(**settings, **theirs)
            continue
        if name == "determinism":  # a process for each round
            results[name] = determinism.measure_all(**settings)
            continue
        if name == "large_source":  # a process for each source
            results[name] = large_source.measure_all(**settings)
            continue
        module = f"{__package__}.{name}"
        if name == "training_step":
            results[name] = processes.run(module, {**settings, **theirs})
            if jax_python:
                results[f"{name}_jax"] = processes.run(
                    module,
                    settings,
                    jax_python,
                    {**os.environ, "KERAS_BACKEND": "jax"},
                )
        else:
            results[name] = processes.run(module, settings)
    return results


def exceeded(results, limits):
    """Returns a line for each limit that is exceeded.

    Args:
        results: Dict, as `measure` returns it.
        limits: Dict from the path of a number in it ("part/key/...") to its
            largest allowed value.
    """
    lines = []
    for path, limit in limits.items():
        value = functools.reduce(operator.getitem, path.split("/"), results)
        if not value <= limit:
            lines.append(f"{path} is {value:.2f}, more than {limit}")
    return lines
