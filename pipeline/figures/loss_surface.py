"""Figure 7: contours of the training loss around the trained weights."""

import numpy as np
from matplotlib import colors
from matplotlib import ticker

from pipeline.figures import canvas
from pipeline.figures import method_styles

_LEVELS = 16
_LOWEST = 1e-3  # nats; smaller losses look the same


@canvas.in_style
def draw(surfaces):
    """Returns the figure: a panel per method, the same levels in all of them.

    Levels and colours are logarithmic; the cross is the trained network. They
    end at the highest loss of the flattest surface: more, an overflow
    included, looks the same.

    Args:
        surfaces: Dict from method to `LossSurface`.

    Raises: ValueError, if it is empty or a surface has no finite loss.
    """
    losses = [
        surface.losses[np.isfinite(surface.losses)]
        for surface in surfaces.values()
    ]
    if not losses or not all(part.size for part in losses):
        raise ValueError(
            "Argument `surfaces` must hold at least one surface, with finite "
            f"losses. Received: surfaces of {list(surfaces)}"
        )
    lowest = max(_LOWEST, min(np.min(part) for part in losses))
    highest = max(1.01 * lowest, min(np.max(part) for part in losses))
    levels = np.geomspace(lowest, highest, _LEVELS)
    scale = colors.LogNorm(lowest, highest)
    figure, panels = canvas.make_panels(
        1, len(surfaces), 2.4, 2.7, "compressed", sharex=True, sharey=True
    )
    figure.set_figwidth(figure.get_figwidth() + 1.2)  # the bar of colours
    for panel, (method, surface) in zip(panels[0], surfaces.items()):
        heights = np.nan_to_num(surface.losses, nan=highest, posinf=highest)
        heights = np.clip(heights, lowest, highest)
        # Rows of a picture go up the second axis: hence the transpose.
        across = surface.offsets, surface.offsets, heights.T
        filled = panel.contourf(*across, levels, norm=scale, cmap="viridis")
        panel.contour(
            *across, levels, colors="white", linewidths=0.4, alpha=0.7
        )
        panel.plot(0, 0, "x", color="black", markersize=6)
        panel.set_aspect("equal")
        panel.grid(False)
        panel.set_title(method_styles.style_of(method).label)
        panel.set_xlabel("direction 1 (filter lengths)")
    panels[0, 0].set_ylabel("direction 2 (filter lengths)")
    bar = figure.colorbar(filled, ax=panels, label="training loss (nats)")
    steps = (1, 2, 5) if highest < 1000 * lowest else (1,)
    bar.set_ticks(ticker.LogLocator(subs=steps).tick_values(lowest, highest))
    bar.ax.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    bar.ax.yaxis.set_minor_locator(ticker.NullLocator())
    bar.ax.set_ylim(lowest, highest)
    return figure
