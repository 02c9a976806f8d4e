r"""Meta Dropout, table 2: regularizers of MAML's inner steps.

    python -m tools.reproduce \
        --config=configs/experiments/few_shot_table2.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/few_shot

FOLDER as for few_shot_table1.py, in whose workdir MAML and Meta Dropout are not
trained again. The paper does not say what the 0.1 of Meta Dropout's first row
is; we take it for the standard deviation of a in eq. (5). `:cpu` has the 1-shot
columns alone.
"""

from configs.experiments import few_shot

_SWEEPS = {  # name in the paper's table -> perturbation, option, values
    "Input & manifold mixup, gamma": ("mixup", "gamma", ("0.2", "1", "2")),
    "Variational information bottleneck, beta": (
        "information_bottleneck",
        "beta",
        ("1e-5", "1e-4", "1e-3"),
    ),
    "Information Dropout, beta": (
        "information_dropout",
        "beta",
        ("1e-5", "1e-4", "1e-3"),
    ),
}


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    columns = few_shot.ALL if argument == "paper" else few_shot.ONE_SHOT
    config = few_shot.make_config(
        "few_shot_table2",
        "Meta Dropout, table 2: regularizers of the inner steps",
        argument,
        columns,
    )
    config.paper_table = "2 accuracy (%) regularizers"
    rows = [few_shot.row("MAML", "none", paper="No perturbation")]
    for name, (perturbation, option, values) in _SWEEPS.items():
        rows += [
            few_shot.row(
                f"{name}={value}",
                perturbation,
                **{f"{perturbation}__{option}": float(value)},
            )
            for value in values
        ]
    rows.append(
        few_shot.row(
            "Meta-dropout, hyper-parameter 0.1",
            "meta_dropout",
            meta_dropout__deviation=0.1,
        )
    )
    rows.append(
        few_shot.row(
            "MAML + Meta-dropout", "meta_dropout", paper="Meta-dropout"
        )
    )
    config.rows = tuple(rows)
    if config.profile == "smoke":
        config.only_rows = (
            "MAML",
            "Input & manifold mixup, gamma=1",
            "Information Dropout, beta=1e-4",
        )
    return config
