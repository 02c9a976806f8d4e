"""The plots of one run's page, as SVG text."""

import warnings

import matplotlib
import numpy as np
from matplotlib import ticker

from pipeline.figures import canvas
from pipeline.figures import saving

_NUMBERED = 15  # classes up to which cells show their count
_NAMED = 40  # classes up to which they have names
_LETTERS = 18  # of a name
_TEXT = {"svg.fonttype": "none"}
_CURVES = (  # panel title -> label -> key of a window, factor
    (
        "loss (nats)",
        {
            "training": ("loss", 1),
            "validation": ("validation_loss", 1),
            "test": ("test_loss", 1),
        },
    ),
    (
        "accuracy (%)",
        {
            "training": ("accuracy", 100),
            "validation": ("validation_accuracy", 1),
            "test": ("test_accuracy", 1),
        },
    ),
)


@canvas.in_style
def confusion(counts, names):
    """The share of each class that is taken for which, a row per true class.

    Args:
        counts: Int array `(classes, classes)`.
        names: Sequence of str, one per class.
    """
    classes = len(names)
    inches = min(7.0, 2.2 + 0.38 * classes)
    figure, panels = canvas.make_panels(1, 1, inches + 1, inches)
    panel = panels[0, 0]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    picture = panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    panel.grid(False)
    panel.set_xlabel("taken for")
    panel.set_ylabel("true class")
    if classes <= _NAMED:
        short = [_short(name) for name in names]
        panel.set_xticks(range(classes), short, rotation=90)
        panel.set_yticks(range(classes), short)
    if classes <= _NUMBERED:
        for row, column in np.argwhere(counts):
            dark = shares[row, column] > 0.5
            panel.text(
                column,
                row,
                str(counts[row, column]),
                ha="center",
                va="center",
                fontsize=8,
                color="white" if dark else "black",
            )
    bar = figure.colorbar(picture, ax=panel, shrink=0.7)
    bar.ax.yaxis.set_major_formatter(ticker.PercentFormatter(1))
    bar.set_label("of the images of a class")
    # Names as text, for a browser has letters that our font lacks.
    with warnings.catch_warnings(), matplotlib.rc_context(_TEXT):
        warnings.filterwarnings("ignore", "Glyph")
        return saving.svg_element(figure)


@canvas.in_style
def training(history):
    """Loss and accuracy of a training against its steps.

    Args:
        history: List of logged windows.
    """
    figure, panels = canvas.make_panels(1, len(_CURVES), 3.6, 2.4)
    for panel, (title, curves) in zip(panels[0], _CURVES):
        for label, (key, factor) in curves.items():
            points = [
                (window["step"], factor * window[key])
                for window in history
                if key in window
            ]
            if points:
                marker = "o" if len(points) == 1 else ""
                panel.plot(*zip(*points), marker=marker, label=label)
        panel.set_title(title)
        panel.set_xlabel("training steps")
        panel.xaxis.set_major_locator(ticker.MaxNLocator(5, integer=True))
    canvas.add_legend(figure, panels)
    return saving.svg_element(figure)


def _short(name):
    # A dollar sign would begin a formula.
    name = name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
    return name.replace("$", r"\$")
