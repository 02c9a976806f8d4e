"""Means and 95 % intervals over seeds, as the paper's tables report them."""

import numpy as np
from scipy import stats

from pipeline.figures import method_styles

METRICS = {  # name -> (heading, unit, decimals, whether higher is better)
    "accuracy": ("accuracy", "%", 1, True),
    "negative_log_likelihood": ("negative log-likelihood", "nats", 3, False),
    "expected_calibration_error": ("calibration error", "%", 1, False),
    "brier_score": ("Brier score", "0 to 2", 3, False),
}

_PLAIN = "base"
_NAMES = {_PLAIN: "plain network", "meta_perturb": "φ"}


def interval(values):
    """Returns mean and half width of the 95 % interval of the mean.

    Args:
        values: Sequence of floats, one per seed.

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
    """Returns {method: {metric: interval}} of the given part of the data.

    The metrics are those that all runs have; older runs lack the newest.
    """
    methods = dict.fromkeys(run["method"] for run in runs)
    return {
        method: {
            metric: interval(
                [run[part][metric] for run in runs if run["method"] == method]
            )
            for metric in _common(run[part] for run in runs)
        }
        for method in methods
    }


def paired_gains(runs, part="test", plain=_PLAIN):
    """Returns {method: {metric: interval}} of gains over the plain network.

    Pairs runs of the same seed; a method without pairs is left out. A gain is
    positive where the method is better; `clear` says whether the 95 %
    interval excludes zero.
    """
    methods = dict.fromkeys(run["method"] for run in runs)
    gains = {
        method: _gains_of(runs, method, plain, part)
        for method in methods
        if method != plain
    }
    return {method: found for method, found in gains.items() if found}


def _gains_of(runs, method, plain, part):
    by_seed = {(run["method"], run["seed"]): run[part] for run in runs}
    seeds = [seed for name, seed in by_seed if name == method]
    seeds = [seed for seed in seeds if (plain, seed) in by_seed]
    gains = {}
    pairs = [by_seed[key, s] for key in (method, plain) for s in seeds]
    for metric in _common(pairs) if pairs else ():
        higher_is_better = METRICS[metric][3]
        sign = 1 if higher_is_better else -1
        gain = interval(
            [
                sign * (by_seed[method, s][metric] - by_seed[plain, s][metric])
                for s in seeds
            ]
        )
        width = gain["half_width"]
        gain["clear"] = width is not None and abs(gain["mean"]) > width
        gains[metric] = gain
    return gains


def _common(numbers):
    """Returns the metrics that all these dicts have, in our order."""
    numbers = list(numbers)
    return [name for name in METRICS if all(name in each for each in numbers)]


def name_of(method):
    """Returns a method's name in sentences: "φ + Manifold Mixup"."""
    return " + ".join(
        _NAMES.get(part) or method_styles.style_of(part).label
        for part in method.split("+")
    )


def text_table(summary, gains):
    """Returns the table that the pipeline prints."""
    first = next(iter(summary.values()), METRICS)
    head = ["", *headings(first)]
    rows = [head]
    for method, numbers in summary.items():
        rows.append([name_of(method), *format_metrics(numbers)])
    if gains:
        rows += [[""], ["gain, seed by seed"]]
    for method, numbers in gains.items():
        rows.append([name_of(method), *format_metrics(numbers, sign="+")])
    widths = [
        max(len(row[i]) for row in rows if i < len(row))
        for i in range(len(head))
    ]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def headings(names=tuple(METRICS)):
    """Returns the heading of each of the metrics named, with its unit."""
    return [
        f"{heading} ({unit})"
        for name, (heading, unit, _, _) in METRICS.items()
        if name in names
    ]


def format_metrics(intervals, sign=""):
    """Returns the cells under `headings()` of {metric: interval}."""
    return [
        format_interval(intervals[name], decimals, sign)
        for name, (_, _, decimals, _) in METRICS.items()
        if name in intervals
    ]


def format_interval(numbers, decimals, sign=""):
    """Returns "mean ± half width", the latter left out for a single seed."""
    text = f"{numbers['mean']:{sign}.{decimals}f}"
    if numbers["half_width"] is not None:
        text += f" ± {numbers['half_width']:.{decimals}f}"
    return text


def verdict(gains):
    """Returns honest sentences on what each method brought."""
    if not gains:
        return "There is no pair of runs to compare."
    sentences = [_verdict_on(name_of(key), gains[key]) for key in gains]
    return (
        " ".join(f"{each}." for each in sentences) + " (95 % intervals over "
        "seeds, on test images that no choice has seen.)"
    )


def _verdict_on(name, gains):
    kinds = {"better": [], "worse": [], "open": []}
    for metric, gain in gains.items():
        kind = "better" if gain["mean"] > 0 else "worse"
        kinds[kind if gain["clear"] else "open"].append(METRICS[metric][0])
    parts = []
    if kinds["better"]:
        parts.append(f"{name} clearly improved {_listed(kinds['better'])}")
    if kinds["worse"]:
        parts.append(f"{name} clearly worsened {_listed(kinds['worse'])}")
    if not parts:
        return f"{name} changed none of the metrics clearly"
    if kinds["open"]:
        parts.append(f"no clear difference in {_listed(kinds['open'])}")
    return "; ".join(parts)


def _listed(names):
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def choice_sentence(choice):
    """Returns what the Tuner chose, in a sentence, or an empty text."""
    if not choice:
        return ""
    method = choice["method"]
    values = choice["values"][method]
    noise = {
        trial["c_max"]
        for trial in choice["trials"]
        if trial["method"] == method
    }
    return (
        f"Chosen on the source, by tasks of {choice['classes']} classes of "
        f"{choice['shots']} images: {name_of(method)}"
        + (f", noise at {values['c_max']:g}" if len(noise) > 1 else "")
        + "."
    )
