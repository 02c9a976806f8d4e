r"""Meta Dropout, table 3: noise types of MAML's inner steps.

    python -m tools.reproduce \
        --config=configs/experiments/few_shot_table3.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/few_shot

FOLDER as for few_shot_table1.py, in whose workdir MAML and Meta Dropout are not
trained again. The last row is not in the paper's table; its text has
softplus, and the exponential is the usual other choice. `:cpu` has the 1-shot
columns alone.
"""

from configs.experiments import few_shot


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    columns = few_shot.ALL if argument == "paper" else few_shot.ONE_SHOT
    config = few_shot.make_config(
        "few_shot_table3",
        "Meta Dropout, table 3: noise types",
        argument,
        columns,
    )
    config.paper_table = "3 accuracy (%) noise types"
    config.rows = (
        few_shot.row("MAML", "none", paper="No noise"),
        few_shot.row("Fixed Gaussian", "fixed_gaussian"),
        few_shot.row("Independent Gaussian", "independent_gaussian"),
        few_shot.row("Weight Gaussian", "weight_gaussian"),
        few_shot.row(
            "Deterministic Meta-dropout",
            "meta_dropout",
            meta_dropout__stochastic=False,
        ),
        few_shot.row(
            "Meta-dropout with learned variance",
            "meta_dropout",
            meta_dropout__learned_deviation=True,
        ),
        few_shot.row(
            "MAML + Meta-dropout", "meta_dropout", paper="Meta-dropout"
        ),
        few_shot.row(
            "Meta-dropout, exponential",
            "meta_dropout",
            meta_dropout__transform="exponential",
        ),
    )
    if config.profile == "smoke":
        config.only_rows = ("Weight Gaussian", "Meta-dropout, exponential")
    return config
