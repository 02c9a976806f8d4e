"""Figures 5 (a-c) and 8: accuracy under attack against the radius ε."""

from matplotlib import ticker

from pipeline.figures import bands
from pipeline.figures import canvas

_TITLES = {"linf": "ℓ∞", "l2": "ℓ₂", "l1": "ℓ₁"}


@canvas.in_style
def draw(curves):
    """Returns the figure: a panel per norm.

    A line is the mean over seeds, its band goes from the lowest to the
    highest of them.

    Args:
        curves: Dict from norm ("linf", "l2", "l1", or any title) to dict from
            method to a dict of `epsilons` `(points,)`, in units of pixels in
            [0, 1], and `accuracy` in percent, `(seeds, points)`.

    Raises: ValueError, if it is empty somewhere or shapes disagree.
    """
    bands.check_groups(curves, "curves")
    figure, panels = canvas.make_panels(1, len(curves), 3.0, 2.7, sharey=True)
    for panel, (norm, methods) in zip(panels[0], curves.items()):
        for method, values in methods.items():
            bands.draw(
                panel,
                values["epsilons"],
                values["accuracy"],
                method,
                marker="o",
                markersize=3,
            )
        panel.set_title(_TITLES.get(norm, norm))
        panel.set_xlabel("radius ε (pixels in [0, 1])")
        panel.set_ylim(bottom=0)
        panel.xaxis.set_major_locator(ticker.MaxNLocator(5))
    panels[0, 0].set_ylabel("accuracy under attack (%)")
    canvas.add_legend(figure, panels)
    return figure
