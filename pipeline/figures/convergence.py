"""Figure 4: loss and accuracy of what is held out, against training steps."""

from matplotlib import ticker

from pipeline.figures import bands
from pipeline.figures import canvas

_ROWS = (("loss", "nats"), ("accuracy", "%"))


@canvas.in_style
def draw(curves, part="test"):
    """Returns the figure: a column per data set, loss above accuracy.

    A line is the mean over seeds, its band goes from the lowest to the
    highest of them.

    Args:
        curves: Dict from data set to dict from method to a dict of `steps`
            `(points,)`, `loss` in nats and `accuracy` in percent, `(seeds,
            points)` each.
        part: Str, of which they are: "test" (default) or "validation".

    Raises: ValueError, if it is empty somewhere or shapes disagree.
    """
    bands.check_groups(curves, "curves")
    figure, panels = canvas.make_panels(2, len(curves), 3.6, 2.3, sharex="col")
    for column, (data_set, methods) in zip(panels.T, curves.items()):
        for panel, (quantity, unit) in zip(column, _ROWS):
            for method, values in methods.items():
                bands.draw(panel, values["steps"], values[quantity], method)
            panel.set_ylabel(f"{part} {quantity} ({unit})")
            panel.xaxis.set_major_locator(ticker.MaxNLocator(5, integer=True))
        column[0].set_title(data_set)
        column[-1].set_xlabel("training steps")
    figure.align_ylabels(panels)
    canvas.add_legend(figure, panels)
    return figure
