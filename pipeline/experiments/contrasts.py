"""Two rows compared image by image: what one is better by, and how surely.

Runs of one seed share their images, so that a difference is that of pairs. Its
interval resamples both seeds and the images of each (a bootstrap in two
stages): few images and few seeds make it wide alike.
"""

import numpy as np

_METRICS = ("negative_log_likelihood", "accuracy")
_UNITS = {"negative_log_likelihood": "nats", "accuracy": "points"}
_DECIMALS = {"negative_log_likelihood": 3, "accuracy": 1}
_RESAMPLED = 2000
_SEED = 0
_ALL = "all columns"


def sections(config, finished):
    """Returns parts of a Markdown page, none without a contrast to show.

    Args:
        config: Config of `configs/experiments/`; `contrasts` are pairs of row
            names: what is compared, and with what.
        finished: List of `runner.Finished`.
    """
    paths = {
        (each.cell.row.name, each.cell.column.name, each.cell.seed): each.folder
        / "predictions.npz"
        for each in finished
    }
    seeds = sorted({seed for _, _, seed in paths})
    groups = {column: [column] for _, column, _ in paths}
    if len(groups) > 1:
        groups[_ALL] = list(groups)
    lines = []
    for name, members in groups.items():
        for pair in config.contrasts:
            runs = [
                [paths.get((row, column, seed)) for row in pair]
                for column in members
                for seed in seeds
            ]
            runs = [each for each in runs if all(each)]
            if runs:
                gains = measure(runs)
                shown = [_text(gains[metric], metric) for metric in _METRICS]
                lines.append([name, " − ".join(pair), len(runs), *shown])
    if not lines:
        return []
    head = ["", "", "runs"]
    head += [f"{name.replace('_', ' ')} ({_UNITS[name]})" for name in _METRICS]
    rendered = [f"| {' | '.join(map(str, line))} |" for line in [head, *lines]]
    rendered.insert(1, "|---" * len(head) + "|")
    note = (
        "Positive: the first is better. With one temperature; 95 % interval, "
        "runs (seeds, data sets) and images resampled."
    )
    return ["## Contrasts, image by image", note, "\n".join(rendered)]


def measure(pairs):
    """Returns {metric: (gain, lower end, upper end)} over seeds.

    Args:
        pairs: For each seed two paths of `predictions.npz`, the run that is
            compared and the one with which, on the same test images.

    Raises: ValueError, if the test images of a seed differ.
    """
    gains = [_gains(*pair) for pair in pairs]
    generator = np.random.default_rng(_SEED)
    drawn = {metric: [] for metric in _METRICS}
    for _ in range(_RESAMPLED):
        chosen = generator.integers(len(gains), size=len(gains))
        means = {metric: [] for metric in _METRICS}
        for seed in chosen:
            count = len(gains[seed]["accuracy"])
            images = generator.integers(count, size=count)
            for metric in _METRICS:
                means[metric].append(gains[seed][metric][images].mean())
        for metric in _METRICS:
            drawn[metric].append(np.mean(means[metric]))
    return {
        metric: (
            float(np.mean([gain[metric].mean() for gain in gains])),
            *map(float, np.quantile(drawn[metric], [0.025, 0.975])),
        )
        for metric in _METRICS
    }


def _gains(first, second):
    """Returns {metric: gain of each image}."""
    scores = []
    for path in (first, second):
        with np.load(path, allow_pickle=False) as arrays:
            labels = arrays["test_labels"]
            logs = arrays["monte_carlo_test"].astype("float64")
        likelihood = np.take_along_axis(logs, labels[:, None], axis=1)[:, 0]
        hits = 100.0 * (np.argmax(logs, axis=1) == labels)
        scores.append((labels, likelihood, hits))
    (labels, *better), (others, *worse) = scores
    if not np.array_equal(labels, others):
        raise ValueError(
            f"Runs {first.parent} and {second.parent} must have the same test "
            "images. Received: other labels"
        )
    return dict(zip(_METRICS, (a - b for a, b in zip(better, worse))))


def _text(gain, metric):
    decimals = _DECIMALS[metric]
    mean, low, high = (f"{value:+.{decimals}f}" for value in gain)
    return f"{mean} ({low} to {high})"


def check(config):
    """Raises ValueError, if a contrast names a row that there is not."""
    names = [row.name for row in config.rows]  # also without the φ of a path
    for pair in config.contrasts:
        if len(pair) != 2 or not set(pair) <= set(names):
            raise ValueError(
                f"Config key `contrasts` must hold pairs of rows, of {names}. "
                f"Received: {pair}"
            )
