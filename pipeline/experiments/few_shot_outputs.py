"""Meta Dropout's figures, from the cells that are there."""

import numpy as np

from mp_keras.few_shot import activations
from mp_keras.few_shot import decision_boundary
from mp_keras.few_shot import fgsm
from pipeline.experiments import cells
from pipeline.experiments import groups
from pipeline.figures import decision_boundaries
from pipeline.figures import reconstructions
from pipeline.figures import robustness
from pipeline.figures import stochastic_activations


def _episode_robustness(finished):
    """One picture for each column, a panel per norm."""
    data, figures = {}, {}
    grouped = groups.by_column(finished, "episode_robustness")
    for column, methods in grouped.items():
        panels = {}
        for style, seeds in methods.items():
            for norm in (name for name in fgsm.NORMS if name in seeds[0]):
                panels.setdefault(norm, {})[style] = {
                    "epsilons": seeds[0][norm]["epsilons"],
                    "accuracy": np.array(
                        [seed[norm]["accuracy"] for seed in seeds]
                    ),
                    "half_width": np.array(
                        [seed[norm]["half_width"] for seed in seeds]
                    ),
                }
        data[column] = panels
        figures[_suffix(column, grouped)] = robustness.draw(panels)
    return groups.plain(data), figures


def _decision_boundary(finished):
    """One picture for each column, of the first seed."""
    grouped = groups.by_column(finished, "decision_boundary")
    figures = {}
    for column, methods in grouped.items():
        views = {
            style: [_boundary_view(fields) for fields in seeds[0]]
            for style, seeds in methods.items()
        }
        figures[_suffix(column, grouped)] = decision_boundaries.draw(views)
    return grouped, figures


def _boundary_view(fields):
    return decision_boundary.BoundaryView(
        **{
            key: np.array(value) if isinstance(value, list) else value
            for key, value in fields.items()
        }
    )


def _activations(finished):
    return _pictures(finished, "activations", stochastic_activations.draw)


def _reconstructions(finished):
    return _pictures(finished, "reconstructions", reconstructions.draw)


def _pictures(finished, measure, draw):
    """One picture for each method, of the first seed; a block per column."""
    grouped = groups.by_column(finished, measure)
    examples = {}  # style -> title -> images and view
    for column, methods in grouped.items():
        for style, seeds in methods.items():
            first = {key: np.array(part) for key, part in seeds[0].items()}
            images = first.pop("images")
            view = activations.ActivationView(**first)
            examples.setdefault(style, {})[column] = images, view
    figures = {
        _suffix(style, examples): draw(group)
        for style, group in examples.items()
    }
    return grouped, figures


def _suffix(name, all_names):
    """Returns what sets a picture's name apart, if there are several."""
    return f"_{cells.slug(name)}" if len(all_names) > 1 else ""


DRAWINGS = {
    "episode_robustness": _episode_robustness,
    "decision_boundary": _decision_boundary,
    "activations": _activations,
    "reconstructions": _reconstructions,
}
