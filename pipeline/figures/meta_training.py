"""How φ was learned: loss and accuracy of the tasks (Algorithm 1)."""

from pipeline.figures import canvas
from pipeline.figures import method_styles

_PANELS = (("loss", "loss (nats)", 1), ("accuracy", "accuracy (%)", 100))
_BATCHES = (
    ("task", "training batches (θ)", "dashed"),
    ("held_out", "held-out batches (φ)", "solid"),
)


@canvas.in_style
def draw(history):
    """Returns the figure: means over the tasks against meta-training steps.

    Args:
        history: List of a meta-training's windows, as `history.jsonl` holds
            them: dicts with `step`, `task_loss`, `held_out_loss` and, where
            accuracy is to be shown, `task_accuracy`, `held_out_accuracy`.

    Raises: ValueError, if there is no window.
    """
    if not history:
        raise ValueError(
            "Argument `history` must hold at least one window. Received: none"
        )
    shown = [panel for panel in _PANELS if f"held_out_{panel[0]}" in history[0]]
    figure, panels = canvas.make_panels(1, len(shown), 3.6, 2.6)
    for panel, (quantity, label, factor) in zip(panels[0], shown):
        for batches, name, dashes in _BATCHES:
            panel.plot(
                [window["step"] for window in history],
                [factor * w[f"{batches}_{quantity}"] for w in history],
                color=method_styles.style_of("meta_perturb").color,
                linestyle=dashes,
                label=name,
            )
        panel.set_xlabel("meta-training steps")
        panel.set_ylabel(label)
    canvas.add_legend(figure, panels)
    return figure
