"""The tables of docs/performance.md, from what the benchmark measured."""

from pipeline.benchmarks import measured_page

TOOL = "tools/benchmark.py"


def tables(results):
    """Returns the measured part of the page as Markdown.

    Args:
        results: Dict, as `runner.measure` returns it, and `machine`.
    """
    lines = [f"Machine: {results['machine']}.", ""]
    for part, section in _SECTIONS.items():
        if part in results:
            lines += section(results)
    return "\n".join(lines)


def _training_step(results):
    rows = []
    for name, engine in (
        ("training_step", "TensorFlow"),
        ("training_step_jax", "JAX"),
    ):
        if name in results:
            rows.append([f"ours, {engine}", *_step_cells(results[name])])
    measured = results["training_step"]
    if "to_authors" in measured:
        rows.append(
            ["the authors', PyTorch", *_step_cells(measured, "authors_")]
        )
    lines = [
        "**A training step**, ResNet20 at 32 pixels, median and quartiles:",
        "",
        *measured_page.table(
            ("", "plain (ms)", "perturbed (ms)", "perturbed / plain"), rows
        ),
    ]
    if "to_authors" in measured:
        ratio = _ratio(measured["to_authors"])
        lines += [f"Our perturbed step / theirs: {ratio}.", ""]
    return lines


def _step_cells(measured, prefix=""):
    return (
        _milliseconds(measured[f"{prefix}plain"]),
        _milliseconds(measured[f"{prefix}perturbed"]),
        _ratio(measured[f"{prefix}ratio"]),
    )


def _meta_step(results):
    measured = results["meta_step"]
    rows = [
        (
            row["tasks"],
            f"{row['step_ms']:.0f}",
            f"{row['per_task_ms']:.0f}",
            f"{row['start_s']:.1f}",
            f"{row['peak_mb']:.0f}",
            f"{row['data_mb']:.0f}",
        )
        for row in measured["rows"]
    ]
    lines = [
        "**A meta-training step** against its tasks, the same network and "
        "batch:",
        "",
        *measured_page.table(
            ("tasks", "step (ms)", "per task (ms)", "until the first step (s)")
            + ("peak memory (MB)", "of which batches (MB)"),
            rows,
        ),
    ]
    if "to_authors" in measured:
        lines += [
            "The authors' step of one task: "
            f"{_milliseconds(measured['authors_ms'])} ms; our time per task / "
            f"theirs: {measured['to_authors']:.2f}.",
            "",
        ]
    return lines


def _prediction(results):
    measured = results["prediction"]
    return [
        "**Monte Carlo prediction** against one plain forward pass:",
        "",
        *measured_page.table(
            ("plain pass (ms)", "all samples (ms)", "one sample / plain pass")
            + ("memory above plain (MB)", "in feature maps")
            + ("with twice the samples (MB more)",),
            [
                (
                    _milliseconds(measured["plain"]),
                    _milliseconds(measured["monte_carlo"]),
                    _ratio(measured["ratio"]),
                    f"{measured['growth_mb']:.0f}",
                    f"{measured['growth_in_maps']:.0f}",
                    f"{measured['more_samples_growth_mb']:.0f}",
                )
            ],
        ),
    ]


def _input_pipeline(results):
    rows = []
    step = results.get("training_step", {}).get("perturbed")
    for size, measured in results["input_pipeline"].items():
        share = "not measured"
        if step and size == "32":
            share = f"{measured['batch']['median_ms'] / step['median_ms']:.1%}"
        rows.append(
            (
                size,
                _milliseconds(measured["batch"]),
                f"{measured['images_per_s']:.0f}",
                share,
            )
        )
    return [
        "**The input pipeline**, batches of 128:",
        "",
        *measured_page.table(
            ("pixels", "per batch (ms)", "images per second")
            + ("of a perturbed step",),
            rows,
        ),
    ]


def _position(results):
    shapes = results["position"]
    names = list(next(iter(shapes.values())))
    rows = [
        (shape, *(f"{parts[name]['median_ms']:.1f}" for name in names))
        for shape, parts in shapes.items()
    ]
    return [
        "**One position**, forward and backward, median milliseconds of each "
        "part (height x channels, batch 128):",
        "",
        *measured_page.table(("shape", *names), rows),
    ]


def _determinism(results):
    rows = [
        (
            variant,
            f"{measured['step_ms']:.0f}",
            f"{measured['ratio']:.2f}",
            measured["digests"],
        )
        for variant, measured in results["determinism"].items()
    ]
    return [
        "**What determinism costs** (docs/reliability.md), a meta-training "
        "step of two tasks in fresh processes:",
        "",
        *measured_page.table(
            ("variant", "step (ms)", "to `fixed`", "different φ"), rows
        ),
    ]


def _applications(results):
    rows = [
        (
            name,
            figures["image_size"],
            figures["positions"],
            _milliseconds(figures["plain"]),
            _milliseconds(figures["perturbed"]),
            _ratio(figures["ratio"]),
        )
        for name, figures in results["applications"].items()
    ]
    return [
        "**A training step of the networks of `keras.applications`**, batches "
        "of 16:",
        "",
        *measured_page.table(
            ("network", "pixels", "positions", "plain (ms)")
            + ("perturbed (ms)", "perturbed / plain"),
            rows,
        ),
    ]


def _large_source(results):
    found = results["large_source"]
    sizes, speed = found["memory"], found["speed"]
    return [
        "**Meta-training on a source on disk**, anonymous memory of a process;",
        "the smallest source is held in memory.",
        "",
        *measured_page.table(
            ("source (GiB)", "memory (MiB)"),
            [(size, f"{mib:.0f}") for size, mib in sizes.items()],
        ),
        f"A step with {found['speed_gib']:g} GiB:",
        "",
        *measured_page.table(
            ("images", "step (ms)", "to those in memory"),
            [
                (
                    {
                        "memory": "in memory",
                        "warm": "on disk, pages in memory",
                    }.get(kind, "on disk, pages not in memory"),
                    f"{milliseconds:.0f}",
                    f"{milliseconds / speed['memory']:.2f}",
                )
                for kind, milliseconds in speed.items()
            ],
        ),
    ]


def _milliseconds(measured):
    low, high = measured["quartiles_ms"]
    return f"{measured['median_ms']:.1f} ({low:.1f} to {high:.1f})"


def _ratio(measured):
    low, high = measured["quartiles"]
    return f"{measured['median']:.2f} ({low:.2f} to {high:.2f})"


_SECTIONS = {
    "training_step": _training_step,
    "meta_step": _meta_step,
    "prediction": _prediction,
    "input_pipeline": _input_pipeline,
    "position": _position,
    "determinism": _determinism,
    "applications": _applications,
    "large_source": _large_source,
}
