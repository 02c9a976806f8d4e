"""The tables of `docs/scaling.md`, from what `scaling.py` measured."""

from pipeline.benchmarks import measured_page

_TOOL = "tools/measure_scaling.py"


def write_page(path, results):
    """Replaces the measured part of a page, between its two marks.

    Args:
        path: Path-like of a Markdown file.
        results: Dict of lists of dicts, as `tools/measure_scaling.py` has it.

    Raises: as `measured_page.write`.
    """
    measured_page.write(path, _TOOL, tables(results))


def check_page(path):
    """Raises as `measured_page.check` does, before anything is measured."""
    measured_page.check(path, _TOOL)


def tables(results):
    """Returns the measured part as Markdown."""
    return "\n".join(
        [
            f"Machine: {results['machine']}.",
            "",
            "**Exchanged in a step**, between two workers:",
            "",
            *measured_page.table(
                (
                    "network",
                    "batch",
                    "φ's gradient: all-reduces",
                    "numbers",
                    "bytes",
                    "metrics: all-reduces",
                    "bytes",
                ),
                [_bytes_row(row) for row in results["bytes"]],
            ),
            "**Time of a step against tasks**, one process, all cores:",
            "",
            *measured_page.table(
                ("network", "batch", "tasks", "ms per step", "ms per task")
                + ("until the first step (s)", "peak memory (MB)"),
                [_tasks_row(row) for row in results["tasks"]],
            ),
            "**Time of a step against workers**, one core each:",
            "",
            *measured_page.table(
                ("network", "batch", "workers", "tasks", "tasks a worker")
                + ("ms per step", "one all-reduce of φ's gradient (ms)"),
                [_workers_row(row) for row in results["workers"]],
            ),
        ]
    )


def _bytes_row(row):
    gradient, metrics = row["gradient"], row["metrics"]
    return (
        row["network"],
        row["batch_size"],
        len(gradient),
        sum(numbers for _, numbers, _ in gradient),
        sum(size for _, _, size in gradient),
        len(metrics),
        sum(size for _, _, size in metrics),
    )


def _tasks_row(row):
    return (
        row["network"],
        row["batch_size"],
        row["tasks"],
        f"{row['step_ms']:.0f}",
        f"{row['step_ms'] / row['tasks']:.0f}",
        f"{row['start_s']:.1f}",
        f"{row['peak_mb']:.0f}",
    )


def _workers_row(row):
    reduction = row.get("reduction_ms")
    return (
        row["network"],
        row["batch_size"],
        row["workers"],
        row["tasks"],
        row["tasks"] // row["workers"],
        f"{row['step_ms']:.0f}",
        "none" if reduction is None else f"{reduction:.2f}",
    )
