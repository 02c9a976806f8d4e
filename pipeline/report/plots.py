"""The report's plots, as SVG text (pictures of MetaPerturb's figures 4, 9, 10).

Figure 9: reliability; figure 4: convergence; figure 10: features, noise and
their product at the positions.
"""

import io

import matplotlib
import numpy as np

matplotlib.use("Agg")

from matplotlib import pyplot as plt  # noqa: E402

from pipeline.report import statistics  # noqa: E402

COLORS = {"base": "#8a8f98", "meta_perturb": "#c2410c"}
NAMES = {"base": "plain network", "meta_perturb": "with φ"}
_STYLE = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9,
    "grid.alpha": 0.25,
    "svg.hashsalt": "mp_keras",  # the same plot is the same text
}


def figures_by_method(runs):
    """One dot a seed, mean and 95 % interval, for each of the figures."""
    methods = list(dict.fromkeys(run["method"] for run in runs))
    summary = statistics.summarize(runs)
    with plt.rc_context(_STYLE):
        figure, panels = plt.subplots(1, 3, figsize=(9, 2.8))
        for panel, (name, (heading, unit, _, higher)) in zip(
            panels, statistics.FIGURES.items()
        ):
            for row, method in enumerate(methods):
                values = [
                    r["test"][name] for r in runs if r["method"] == method
                ]
                numbers = summary[method][name]
                color = COLORS.get(method, "black")
                panel.errorbar(
                    row,
                    numbers["mean"],
                    numbers["half_width"] or 0,
                    fmt="_",
                    ms=18,
                    capsize=4,
                    color=color,
                )
                spread = np.linspace(-0.12, 0.12, len(values))
                panel.plot(row + spread, values, "o", ms=4, color=color)
            panel.set_xticks(
                range(len(methods)), [NAMES.get(m, m) for m in methods]
            )
            panel.set_xlim(-0.5, len(methods) - 0.5)
            better = "higher" if higher else "lower"
            panel.set_title(f"{heading} ({unit})\n{better} is better")
        return _svg(figure)


def reliability(probabilities, labels, runs, bins=15):
    """Accuracy against confidence, the seeds of a method pooled (figure 9)."""
    methods = list(dict.fromkeys(run["method"] for run in runs))
    edges = np.linspace(0, 1, bins + 1)
    with plt.rc_context(_STYLE):
        figure, panels = plt.subplots(
            1, len(methods), figsize=(3.4 * len(methods), 3), squeeze=False
        )
        for panel, method in zip(panels[0], methods):
            pooled = [
                p
                for p, run in zip(probabilities, runs)
                if run["method"] == method
            ]
            confidence = np.concatenate([p.max(1) for p in pooled])
            hits = np.concatenate([p.argmax(1) == labels for p in pooled])
            index = np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1)
            for number in range(bins):
                members = index == number
                if members.any():
                    share = members.mean()
                    panel.bar(
                        edges[number],
                        hits[members].mean(),
                        width=1 / bins,
                        align="edge",
                        color=COLORS.get(method, "black"),
                        alpha=0.25 + 0.75 * share,
                    )
            panel.plot([0, 1], [0, 1], "--", color="black", lw=1)
            panel.set_xlim(0, 1)
            panel.set_ylim(0, 1)
            panel.set_xlabel("confidence (darker: more images)")
            panel.set_ylabel("accuracy")
            panel.set_title(NAMES.get(method, method))
        return _svg(figure)


def meta_training(history):
    """Loss of the tasks' training and held-out batches, step by step."""
    steps = [window["step"] for window in history]
    with plt.rc_context(_STYLE):
        figure, panel = plt.subplots(figsize=(5, 2.8))
        for key, name, color in (
            ("task_loss", "training batches (θ)", "#8a8f98"),
            ("held_out_loss", "held-out batches (φ)", "#c2410c"),
        ):
            panel.plot(
                steps, [w[key] for w in history], color=color, label=name
            )
        panel.set_xlabel("step")
        panel.set_ylabel("loss, mean over tasks (nats)")
        panel.legend(frameon=False)
        return _svg(figure)


def convergence(histories, runs):
    """Training loss of every target run (figure 4's axes)."""
    with plt.rc_context(_STYLE):
        figure, panel = plt.subplots(figsize=(5, 2.8))
        seen = set()
        for history, run in zip(histories, runs):
            method = run["method"]
            panel.plot(
                [window["step"] for window in history],
                [window["loss"] for window in history],
                color=COLORS.get(method, "black"),
                lw=1,
                label=None if method in seen else NAMES.get(method, method),
            )
            seen.add(method)
        panel.set_yscale("log")
        panel.set_xlabel("step")
        panel.set_ylabel("training loss (nats)")
        panel.legend(frameon=False)
        return _svg(figure)


def feature_maps(views, example=0):
    """Rows of features, noise and product at each position (figure 10)."""
    with plt.rc_context({**_STYLE, "axes.grid": False}):
        figure, grid = plt.subplots(
            len(views), 3, figsize=(4.5, 1.5 * len(views)), squeeze=False
        )
        titles = "before φ", "noise", "after φ"
        for row, view in zip(grid, views):
            channel = view.strongest_channel(example)
            before = view.features[example, :, :, channel]
            shared = before.min(), before.max()
            for panel, maps, (low, high) in (
                (row[0], view.features, shared),
                (row[1], view.noise, (0, None)),
                (row[2], view.outputs, shared),
            ):
                panel.imshow(
                    maps[example, :, :, channel],
                    cmap="magma",
                    vmin=low,
                    vmax=high,
                )
                panel.set_xticks([])
                panel.set_yticks([])
            row[0].set_ylabel(view.name.replace("meta_perturb_", "position "))
        for panel, title in zip(grid[0], titles):
            panel.set_title(title)
        return _svg(figure)


def scales(views):
    """The scale of every channel at each position."""
    with plt.rc_context(_STYLE):
        figure, panel = plt.subplots(figsize=(5, 2.8))
        panel.boxplot([view.scale for view in views], widths=0.5)
        panel.set_xlabel("position, from the input to the output")
        panel.set_ylabel("scale s of the channels")
        panel.set_ylim(0, 1)
        return _svg(figure)


def _svg(figure):
    text = io.StringIO()
    figure.tight_layout()
    figure.savefig(text, format="svg", metadata={"Date": None})
    plt.close(figure)
    return text.getvalue()[text.getvalue().index("<svg") :]
