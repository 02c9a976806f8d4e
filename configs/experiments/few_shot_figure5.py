r"""Meta Dropout, figure 5: accuracy under FGSM against its size.

    python -m tools.reproduce \
        --config=configs/experiments/few_shot_figure5.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/few_shot

In the workdir of few_shot_table1.py MAML and Meta Dropout are not trained
again. The paper attacks in the l-infinity norm; l2 and l1 are those of the
authors' repository. The sizes are ours: the paper prints them in its plots
alone. Units of pixels in [0, 1]. `:cpu` has the 1-shot columns alone.
"""

import dataclasses

from configs.experiments import few_shot

_EPSILONS = {
    "linf": (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3),
    "l2": (0.0, 0.5, 1.0, 2.0, 4.0, 8.0),
    "l1": (0.0, 10.0, 30.0, 100.0, 300.0),
}
_TRAINED_AGAINST = {"Omniglot": (0.1, 0.3), "miniImageNet": (0.01, 0.1)}


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    columns = few_shot.ALL if argument == "paper" else few_shot.ONE_SHOT
    config = few_shot.make_config(
        "few_shot_figure5",
        "Meta Dropout, figure 5: robustness against FGSM",
        argument,
        columns,
    )
    config.measure_names = ("episode_robustness",)
    episodes = {"smoke": 2, "cpu": 200, "paper": 1000}[config.profile]
    config.measures.episode_robustness = {
        "radii": _EPSILONS,
        "episodes": episodes,  # the first of the test
    }
    plain = (
        few_shot.row("MAML", "none"),
        few_shot.row("MAML + Meta-dropout", "meta_dropout"),
    )
    epsilons = sorted({e for each in _TRAINED_AGAINST.values() for e in each})
    adversarial = {epsilon: _adversarial(epsilon) for epsilon in epsilons}
    config.rows = (*plain, *adversarial.values())
    config.columns = tuple(
        dataclasses.replace(
            column, rows=_names(plain, adversarial, column.paper)
        )
        for column in config.columns
    )
    if config.profile == "smoke":
        config.only_rows = ("MAML + Meta-dropout", adversarial[0.1].name)
    return config


def _adversarial(epsilon):
    return few_shot.row(
        f"MAML + adversarial training, epsilon={epsilon}",
        "adversarial",
        style=f"adversarial:{epsilon}",
        adversarial__epsilon=epsilon,
    )


def _names(plain, adversarial, column):
    """Returns the names of a column's rows."""
    data_set, *_ = column.split()
    rows = [adversarial[epsilon] for epsilon in _TRAINED_AGAINST[data_set]]
    return tuple(row.name for row in (*plain, *rows))
