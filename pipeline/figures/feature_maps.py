"""Figure 10: what φ does to an image's feature maps, level by level."""

import numpy as np

from pipeline.figures import bands
from pipeline.figures import canvas

_COLUMNS = ("before φ", "noise z", "after φ")
_GAP = 0.12  # between two blocks, in maps


@canvas.in_style
def draw(examples):
    """Returns the figure: a block per example, the image above its levels.

    A level's row shows the channel that passes most through the next ReLU:
    the features before φ, the noise, the features after φ. Before and after
    share one range of colours, from the row's lowest to its highest feature;
    the noise has its own, from 0.

    Args:
        examples: Dict from title, such as a data set, to a pair of an image
            `(height, width, channels)`, uint8 or floats in [0, 1], and a list
            of `PositionView`s, of which the first example is shown.

    Raises: ValueError, if it is empty somewhere or the numbers of positions
        differ.
    """
    bands.check_groups(
        {title: views for title, (_, views) in examples.items()}, "examples"
    )
    counts = {title: len(views) for title, (_, views) in examples.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(
            "Argument `examples` must have the same number of positions for "
            f"every image. Received: {counts}"
        )
    rows = 1 + max(counts.values())
    figure, panels = canvas.make_panels(
        rows,
        4 * len(examples),
        0.7,
        0.92,
        gridspec_kw={
            "height_ratios": [1.6] + [1] * (rows - 1),
            "width_ratios": [1, 1, 1, _GAP] * len(examples),
        },
    )
    for panel in panels[:, 3::4].flat:
        panel.remove()
    for panel in panels.flat:
        panel.set_xticks([])
        panel.set_yticks([])
        panel.spines[:].set_visible(False)
        panel.grid(False)
    for block, (title, (image, views)) in enumerate(examples.items()):
        columns = panels[:, 4 * block : 4 * block + 3]
        _draw_image(figure, columns[0], title, image)
        for row, view in zip(columns[1:], views):
            _draw_level(row, view)
        for panel, heading in zip(columns[1], _COLUMNS):
            panel.set_title(heading, fontsize=8)
    for number, row in enumerate(panels[1:], 1):
        row[0].set_ylabel(f"position {number}", fontsize=8)
    return figure


def _draw_image(figure, row, title, image):
    """Shows the image across the three columns of its block."""
    grid = row[0].get_subplotspec().get_gridspec()
    first = row[0].get_subplotspec().colspan.start
    for panel in row:
        panel.remove()
    panel = figure.add_subplot(grid[0, first : first + 3])
    panel.imshow(np.asarray(image).squeeze(), cmap="gray")
    panel.set_axis_off()
    panel.set_title(title)


def _draw_level(row, view):
    channel = view.strongest_channel()
    before, noise, after = (
        np.asarray(maps)[0, :, :, channel]
        for maps in (view.features, view.noise, view.outputs)
    )
    lowest = min(before.min(), after.min())
    highest = max(before.max(), after.max())
    for panel, shown, low, high, palette in (
        (row[0], before, lowest, highest, "magma"),
        (row[1], noise, 0, None, "cividis"),
        (row[2], after, lowest, highest, "magma"),
    ):
        panel.imshow(shown, cmap=palette, vmin=low, vmax=high)
