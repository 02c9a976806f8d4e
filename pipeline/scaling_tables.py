"""The tables of `docs/scaling.md`, from what `pipeline/scaling.py` measured."""

import pathlib

from mp_keras import files

_BEGIN = "<!-- measured: written by tools/measure_scaling.py -->"
_END = "<!-- end of what is measured -->"


def write_page(path, results):
    """Replaces the measured part of a page, between its two marks.

    Args:
        path: Path-like of a Markdown file.
        results: Dict of lists of dicts, as `tools/measure_scaling.py` has it.

    Raises: FileNotFoundError; ValueError, if the marks are not there.
    """
    head, tail = check_page(path)
    files.write_text(path, f"{head}{_BEGIN}\n\n{tables(results)}\n{_END}{tail}")


def check_page(path):
    """Returns what stands before and behind the measured part of a page.

    Raises: FileNotFoundError; ValueError, if the marks are not there.
    """
    text = pathlib.Path(path).read_text(encoding="utf-8")
    head, begin, rest = text.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    if not begin or not end:
        raise ValueError(
            f"Page {path} must have the lines {_BEGIN!r} and {_END!r}. "
            "Received: a page without them"
        )
    return head, tail


def tables(results):
    """Returns the measured part as Markdown."""
    return "\n".join(
        [
            f"Machine: {results['machine']}.",
            "",
            "**Exchanged in a step**, between two workers:",
            "",
            *_table(
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
            *_table(
                ("network", "batch", "tasks", "ms per step", "ms per task")
                + ("first step (s)", "peak memory (MB)"),
                [_tasks_row(row) for row in results["tasks"]],
            ),
            "**Time of a step against workers**, one core each:",
            "",
            *_table(
                ("network", "batch", "workers", "tasks", "tasks a worker")
                + ("ms per step", "one all-reduce of φ's gradient (ms)"),
                [_workers_row(row) for row in results["workers"]],
            ),
        ]
    )


def _table(titles, rows):
    lines = [titles, ["---"] * len(titles), *rows]
    return [f"| {' | '.join(map(str, line))} |" for line in lines] + [""]


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
        f"{row['first_step_s']:.1f}",
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
