"""Meta Dropout, figure 4: features around the boundary of two classes."""

from matplotlib import lines
from matplotlib import ticker

from mp_keras.few_shot import decision_boundary
from pipeline.figures import bands
from pipeline.figures import canvas
from pipeline.figures import method_styles

_CLASSES = (("class 1", "#0072b2"), ("class 2", "#d55e00"))
_MARKERS = "o^sDvp*hX"  # one per support example
_LOOKS = {  # kind -> options of the points; the first lie below the others
    decision_boundary.QUERY: {"s": 9, "linewidths": 0.8, "alpha": 0.7},
    decision_boundary.NOISY: {"s": 12, "linewidths": 0, "alpha": 0.4},
    decision_boundary.SUPPORT: {"s": 45, "linewidths": 1, "edgecolors": "k"},
}


@canvas.in_style
def draw(views):
    """Returns the figure: a row per method, a column per number of inner steps.

    A colour is a class, a shape a support example; its noisy copies are
    small, query examples are crosses. The line is the boundary: class 1 is
    answered on its right.

    Args:
        views: Dict from method to a list of `BoundaryView`s, all methods with
            the same steps.

    Raises: ValueError, if it is empty somewhere or steps disagree.
    """
    bands.check_groups(views, "views")
    steps = {name: [view.step for view in row] for name, row in views.items()}
    (first, *others) = steps.values()
    if any(each != first for each in others):
        raise ValueError(
            "Argument `views` must have the same inner steps for every "
            f"method. Received: {steps}"
        )
    figure, panels = canvas.make_panels(
        len(views), len(first), 2.2, 2.0, sharex="row"
    )
    for row, (method, found) in zip(panels, views.items()):
        for panel, view in zip(row, found):
            _draw_points(panel, view)
        label = method_styles.style_of(method).label
        row[0].set_ylabel(f"{label}\nt-SNE of the rest")
    for panel, step in zip(panels[0], first):
        panel.set_title(_title(step))
    for panel in panels[-1]:
        panel.set_xlabel("along the boundary's normal")
    _add_legend(figure, views)
    return figure


def _draw_points(panel, view):
    for kind, look in _LOOKS.items():
        for label, (_, color) in enumerate(_CLASSES):
            chosen = (view.kinds == kind) & (view.labels == label)
            for example in sorted(set(view.examples[chosen])):
                here = chosen & (view.examples == example)
                panel.scatter(
                    view.x[here],
                    view.y[here],
                    color=color,
                    marker=_marker(kind, example),
                    **look,
                )
    panel.axvline(view.boundary, color="black", linewidth=1.2)
    panel.xaxis.set_major_locator(ticker.MaxNLocator(4))
    panel.set_yticks([])  # t-SNE has no unit


def _marker(kind, example):
    if kind == decision_boundary.QUERY:
        return "x"
    return _MARKERS[example % len(_MARKERS)]


def _title(step):
    if step == 0:
        return "before the inner steps"
    return f"after {step} inner step{'s' if step > 1 else ''}"


def _add_legend(figure, views):
    kinds = {kind for row in views.values() for v in row for kind in v.kinds}
    handles = [_point("o", color, label, 6) for label, color in _CLASSES]
    for kind, said, marker, size in (
        (decision_boundary.SUPPORT, "support example", "o", 7),
        (decision_boundary.NOISY, "its noisy copies", "o", 3.5),
        (decision_boundary.QUERY, "query example", "x", 4),
    ):
        if kind in kinds:
            handles.append(_point(marker, "#666666", said, size))
    handles.append(lines.Line2D([], [], color="black", label="boundary"))
    figure.set_figwidth(figure.get_figwidth() + 1.7)
    figure.legend(handles=handles, loc="outside right center")


def _point(marker, color, label, size):
    return lines.Line2D(
        [],
        [],
        linestyle="",
        marker=marker,
        color=color,
        label=label,
        markersize=size,
    )
