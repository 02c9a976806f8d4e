"""Figure 6: the scale s of every channel at each position."""

import numpy as np
from matplotlib import ticker

from pipeline.figures import bands
from pipeline.figures import canvas
from pipeline.figures import method_styles

_MOST_COLUMNS = 3
_STRIP = 0.3  # half the width of a position's dots, in positions


@canvas.in_style
def draw(scales):
    """Returns the figure: a panel per data set, a dot per channel.

    The line joins the means over the channels.

    Args:
        scales: Dict from data set to a list of arrays `(channels,)`, one a
            position from the input to the output, as `PositionView.scale`.

    Raises: ValueError, if a data set has no position, a position no channel
        or a scale is not in [0, 1].
    """
    bands.check_groups(scales, "scales")
    columns = min(_MOST_COLUMNS, len(scales))
    rows = -(-len(scales) // columns)
    figure, panels = canvas.make_panels(
        rows, columns, 3.0, 2.2, sharex=True, sharey=True
    )
    for panel, (data_set, positions) in zip(panels.flat, scales.items()):
        _draw_positions(panel, data_set, positions)
    for panel in panels.flat[len(scales) :]:
        panel.remove()
    for panel in panels.flat[max(0, len(scales) - columns) : len(scales)]:
        panel.tick_params(labelbottom=True)  # nothing below
    figure.supxlabel("position, from the input to the output", fontsize=9)
    figure.supylabel("scale s of a channel", fontsize=9)
    return figure


def _draw_positions(panel, data_set, positions):
    color = method_styles.style_of("meta_perturb").color
    for number, scale in enumerate(positions, 1):
        scale = np.asarray(scale)
        if not scale.size or not np.all((0 <= scale) & (scale <= 1)):
            raise ValueError(
                "Argument `scales` must hold numbers in [0, 1], at least one "
                f"a position. Received: {scale} at position {number} of "
                f"{data_set}"
            )
        spread = np.linspace(-_STRIP, _STRIP, len(scale))
        panel.plot(
            number + spread, scale, ".", markersize=3, color=color, alpha=0.5
        )
    panel.plot(
        range(1, len(positions) + 1),
        [np.mean(scale) for scale in positions],
        color="black",
        linewidth=1,
    )
    panel.set_title(data_set)
    panel.set_ylim(0, 1)
    panel.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
