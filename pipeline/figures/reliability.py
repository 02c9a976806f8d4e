"""Figures 5 (d) and 9: accuracy against confidence."""

import numpy as np

from pipeline.figures import bands
from pipeline.figures import canvas
from pipeline.figures import method_styles

_FAINTEST = 0.25  # opacity of a bin with hardly an example


@canvas.in_style
def draw(curves):
    """Returns the figure: a row per data set, a column per method.

    A bar is the accuracy of a bin of the confidence, the darker the more
    examples it has; a perfectly calibrated network's bars reach the diagonal.

    Args:
        curves: Dict from data set to dict from method to `ReliabilityCurve`.
            Every data set must have the same methods.

    Raises: ValueError, if it is empty somewhere or methods differ.
    """
    bands.check_groups(curves, "curves")
    methods = list(next(iter(curves.values())))
    for data_set, group in curves.items():
        if set(group) != set(methods):
            raise ValueError(
                "Argument `curves` must have the same methods for every data "
                f"set, here {methods}. Received: {list(group)} of {data_set}"
            )
    figure, panels = canvas.make_panels(
        len(curves), len(methods), 2.1, 2.1, sharex=True, sharey=True
    )
    for row, (data_set, group) in zip(panels, curves.items()):
        for panel, method in zip(row, methods):
            _draw_bars(panel, group[method], method_styles.style_of(method))
        row[0].set_ylabel(f"{data_set}\naccuracy (%)")
    for panel, method in zip(panels[0], methods):
        panel.set_title(method_styles.style_of(method).label)
    for panel in panels[-1]:
        panel.set_xlabel("confidence (%)")
    return figure


def _draw_bars(panel, curve, style):
    bins = len(curve.count)
    width = 100 / bins
    for index in np.flatnonzero(curve.count):
        share = curve.count[index] / curve.count.max()
        panel.bar(
            index * width,
            100 * curve.accuracy[index],
            width=width,
            align="edge",
            color=style.color,
            edgecolor="white",
            linewidth=0.5,
            alpha=_FAINTEST + (1 - _FAINTEST) * share,
        )
    panel.plot([0, 100], [0, 100], "--", color="black", linewidth=1)
    panel.set_xlim(0, 100)
    panel.set_ylim(0, 100)
    panel.set_xticks(range(0, 101, 25))
    panel.set_yticks(range(0, 101, 25))
    panel.set_aspect("equal")
    said = "no run"
    if np.any(curve.count):
        said = f"ECE {100 * curve.expected_calibration_error():.1f} %"
    paper = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 1}
    panel.text(4, 96, said, va="top", bbox=paper)
