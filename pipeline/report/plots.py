"""The report's plots, as SVG text.

Its own: the metrics and the training loss of every run, and meta-training.
The paper's figures 6, 9 and 10 are drawn by `pipeline/figures`.
"""

import numpy as np
from matplotlib import ticker

from mp_keras.evaluation import reliability as reliabilities
from pipeline import intervals
from pipeline.figures import canvas
from pipeline.figures import feature_maps
from pipeline.figures import meta_training as meta_training_figure
from pipeline.figures import method_styles
from pipeline.figures import reliability
from pipeline.figures import saving
from pipeline.figures import scale


@canvas.in_style
def metrics_by_method(runs):
    """One dot per seed, mean and 95 % interval, for each of the metrics.

    Args:
        runs: List of the Evaluator's dicts, one per run.
    """
    summary = intervals.summarize(runs)
    figure, panels = canvas.make_panels(
        1, len(intervals.METRICS), 2.9, 0.9 + 0.4 * len(summary), sharey=True
    )
    for panel, (name, (heading, unit, _, higher)) in zip(
        panels[0], intervals.METRICS.items()
    ):
        for row, (method, numbers) in enumerate(summary.items()):
            values = [r["test"][name] for r in runs if r["method"] == method]
            _draw_interval(panel, row, numbers[name], values, method)
        better = "higher" if higher else "lower"
        panel.set_title(f"{heading}\n{better} is better")
        panel.set_xlabel(unit)
        panel.xaxis.set_major_locator(
            ticker.MaxNLocator(5, steps=[1, 2, 5, 10])
        )
    panels[0, 0].set_yticks(
        range(len(summary)),
        [method_styles.style_of(method).label for method in summary],
    )
    panels[0, 0].set_ylim(len(summary) - 0.5, -0.5)  # first method on top
    return saving.svg_element(figure)


def _draw_interval(panel, row, numbers, values, method):
    color = method_styles.style_of(method).color
    panel.errorbar(
        numbers["mean"],
        row,
        xerr=numbers["half_width"] or 0,
        fmt="|",
        markersize=14,
        capsize=4,
        color=color,
    )
    spread = np.linspace(-0.15, 0.15, len(values)) if len(values) > 1 else 0
    panel.plot(
        values,
        np.full(len(values), row) + spread,
        "o",
        markersize=4,
        color=color,
    )


@canvas.in_style
def convergence(histories, runs):
    """Training loss against steps, a line per run.

    Args:
        histories: One list of logged windows per run.
        runs: List of the Evaluator's dicts, as many.
    """
    figure, panels = canvas.make_panels(1, 1, 4.5, 2.6)
    panel = panels[0, 0]
    for history, run in zip(histories, runs):
        style = method_styles.style_of(run["method"])
        panel.plot(
            [window["step"] for window in history],
            [window["loss"] for window in history],
            linewidth=1,
            label=style.label,
            **style.line(),
        )
    panel.set_yscale("log")
    panel.set_xlabel("training steps")
    panel.set_ylabel("training loss (nats)")
    canvas.add_legend(figure, panels)
    return saving.svg_element(figure)


@canvas.in_style
def meta_training(history):
    """Loss and accuracy of the tasks' batches against steps.

    Args:
        history: List of the MetaTrainer's logged windows.
    """
    return saving.svg_element(meta_training_figure.draw(history))


def reliability_by_method(probabilities, labels, runs):
    """Accuracy against confidence, the seeds of a method pooled (figure 9).

    Args:
        probabilities: One array `(examples, classes)` a run.
        labels: One integer array `(examples,)` a run.
        runs: List of the Evaluator's dicts, one per run.
    """
    pooled = {}
    for predicted, truth, run in zip(probabilities, labels, runs):
        pair = pooled.setdefault(run["method"], ([], []))
        pair[0].append(predicted)
        pair[1].append(truth)
    curves = {
        method: reliabilities.reliability_curve(*map(np.concatenate, pair))
        for method, pair in pooled.items()
    }
    return saving.svg_element(reliability.draw({"test images": curves}))


def maps_of_positions(views, image):
    """An image, and its features, noise and product by position (figure 10).

    Args:
        views: List of `PositionView`s, of which the first example is shown.
        image: Array `(height, width, channels)`, uint8, of that example.
    """
    return saving.svg_element(feature_maps.draw({"test image": (image, views)}))


def scales_of_positions(views, title):
    """The scale of every channel at each position (figure 6).

    Args:
        views: List of `PositionView`s.
        title: Str, what network it is.
    """
    return saving.svg_element(
        scale.draw({title: [view.scale for view in views]})
    )
