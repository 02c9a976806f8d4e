"""Means and 95 % intervals over seeds, as the paper's tables report them."""

import numpy as np
from scipy import stats

FIGURES = {  # name -> (heading, unit, decimals, whether higher is better)
    "accuracy": ("accuracy", "%", 1, True),
    "negative_log_likelihood": ("negative log-likelihood", "nats", 3, False),
    "expected_calibration_error": ("calibration error", "%", 1, False),
}


def interval(values):
    """Returns mean and half width of the 95 % interval of the mean.

    Args:
        values: Sequence of floats, one a seed.

    Returns: dict with `mean`, `half_width` (Student's t; None for a single
        value) and `seeds`.
    """
    values = np.asarray(values, "float64")
    count = len(values)
    half_width = None
    if count > 1:
        quantile = stats.t.ppf(0.975, count - 1)
        half_width = quantile * np.std(values, ddof=1) / np.sqrt(count)
        half_width = float(half_width)
    return {
        "mean": float(np.mean(values)),
        "half_width": half_width,
        "seeds": count,
    }


def summarize(runs, part="test"):
    """Returns {method: {figure: interval}} of the given part of the data."""
    methods = dict.fromkeys(run["method"] for run in runs)
    return {
        method: {
            figure: interval(
                [run[part][figure] for run in runs if run["method"] == method]
            )
            for figure in FIGURES
        }
        for method in methods
    }


def paired_gains(runs, method="meta_perturb", base="base", part="test"):
    """Returns {figure: interval} of the method's gain over the plain network.

    Pairs runs of the same seed. A gain is positive where the method is
    better; `clear` says whether the 95 % interval excludes zero.
    """
    by_seed = {(run["method"], run["seed"]): run[part] for run in runs}
    seeds = [seed for name, seed in by_seed if name == method]
    seeds = [seed for seed in seeds if (base, seed) in by_seed]
    gains = {}
    for figure, (_, _, _, higher_is_better) in FIGURES.items():
        if not seeds:
            continue
        sign = 1 if higher_is_better else -1
        gain = interval(
            [
                sign * (by_seed[method, s][figure] - by_seed[base, s][figure])
                for s in seeds
            ]
        )
        width = gain["half_width"]
        gain["clear"] = width is not None and abs(gain["mean"]) > width
        gains[figure] = gain
    return gains


def text_table(summary, gains):
    """Returns the table that the pipeline prints."""
    names = {"base": "plain network", "meta_perturb": "with φ"}
    head = ["", *headings()]
    rows = [head]
    for method, numbers in summary.items():
        rows.append([names.get(method, method), *format_figures(numbers)])
    if gains:
        rows.append(["gain, seed by seed", *format_figures(gains, sign="+")])
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def headings():
    """Returns the heading of each figure, with its unit."""
    return [f"{heading} ({unit})" for heading, unit, _, _ in FIGURES.values()]


def format_figures(intervals, sign=""):
    """Returns the cells under `headings()` of {figure: interval}."""
    return [
        format_interval(intervals[name], decimals, sign)
        for name, (_, _, decimals, _) in FIGURES.items()
    ]


def format_interval(numbers, decimals, sign=""):
    """Returns "mean ± half width", the latter left out for a single seed."""
    text = f"{numbers['mean']:{sign}.{decimals}f}"
    if numbers["half_width"] is not None:
        text += f" ± {numbers['half_width']:.{decimals}f}"
    return text


def verdict(gains):
    """Returns one honest sentence on what φ brought."""
    if not gains:
        return "There is no pair of runs to compare."
    kinds = {"better": [], "worse": [], "open": []}
    for name, gain in gains.items():
        kind = "better" if gain["mean"] > 0 else "worse"
        kinds[kind if gain["clear"] else "open"].append(FIGURES[name][0])
    parts = []
    if kinds["better"]:
        parts.append(f"φ clearly improved {' and '.join(kinds['better'])}")
    if kinds["worse"]:
        parts.append(f"φ clearly worsened {' and '.join(kinds['worse'])}")
    if not parts:
        parts.append("φ changed none of the three figures clearly")
    elif kinds["open"]:
        parts.append(f"no clear difference in {' and '.join(kinds['open'])}")
    return (
        "; ".join(parts) + " (95 % interval over seeds, on test images that "
        "no choice has seen)."
    )
