"""Empty figures in one look, without pyplot and its global state."""

import functools

import matplotlib
from matplotlib import figure as matplotlib_figure

_STYLE = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "font.size": 9,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "svg.hashsalt": "mp_keras",  # the same figure is the same text
}
_LETTER_INCHES = 0.075  # mean width, with something to spare


def in_style(function):
    """Wraps a function that makes figures: it runs with our settings."""

    @functools.wraps(function)
    def run(*arguments, **options):
        with matplotlib.rc_context(_STYLE):
            return function(*arguments, **options)

    return run


def make_panels(rows, columns, width, height, layout="constrained", **options):
    """Returns a figure and its panels.

    Args:
        rows: Int >= 1.
        columns: Int >= 1.
        width: Inches of one panel.
        height: Inches of one panel.
        layout: "constrained" (default), or "compressed" for pictures.
        **options: Passed to `Figure.subplots`.

    Returns: a `matplotlib.figure.Figure` and an array of `Axes`,
        `(rows, columns)`.
    """
    figure = matplotlib_figure.Figure(
        figsize=(width * columns, height * rows), layout=layout
    )
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def add_legend(figure, panels):
    """Adds one legend for all panels on the right, each label once."""
    found = {}
    for panel in panels.flat:
        for handle, label in zip(*panel.get_legend_handles_labels()):
            found.setdefault(label, handle)
    widest = _LETTER_INCHES * max(len(label) for label in found) + 0.6
    figure.set_figwidth(figure.get_figwidth() + widest)
    figure.legend(found.values(), found.keys(), loc="outside right center")
