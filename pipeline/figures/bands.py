"""Curves over seeds: their mean as a line, lowest to highest as a band."""

import numpy as np

from pipeline.figures import method_styles


def draw(panel, x, values, method, **options):
    """Draws the curves of one method.

    Args:
        panel: `matplotlib` axes.
        x: Sequence of numbers `(points,)`.
        values: Array-like `(seeds, points)`, or `(points,)` for one seed.
        method: Str, as `method_styles.style_of` takes it.
        **options: Passed to `panel.plot`.

    Raises: ValueError, naming the method, if there is no point or the shapes
        disagree.
    """
    x, curves = np.asarray(x, "float64"), np.asarray(values, "float64")
    curves = curves[np.newaxis] if curves.ndim == 1 else curves
    if x.ndim != 1 or not curves.size or curves.shape[1:] != x.shape:
        raise ValueError(
            f"The curves of `{method}` must be (seeds, points) over "
            "(points,), a point and a seed at least. "
            f"Received: shapes {np.shape(values)} over {x.shape}"
        )
    style = method_styles.style_of(method)
    panel.plot(
        x, curves.mean(axis=0), label=style.label, **style.line(), **options
    )
    if len(curves) > 1:
        panel.fill_between(
            x,
            curves.min(axis=0),
            curves.max(axis=0),
            color=style.color,
            alpha=0.15,
            linewidth=0,
        )


def check_groups(groups, name):
    """Says so, if a mapping of mappings is empty somewhere.

    Raises: ValueError, naming the argument and the empty group.
    """
    empty = [key for key, group in groups.items() if not len(group)]
    if not groups or empty:
        raise ValueError(
            f"Argument `{name}` must not be empty. "
            f"Received: {f'nothing for {empty}' if empty else groups}"
        )
