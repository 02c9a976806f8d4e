r"""Meta Dropout, figure 7: stochastic activations.

    python -m tools.reproduce \
        --config=configs/experiments/few_shot_figure7.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/few_shot

In the workdir of few_shot_table1.py nothing is trained again. The weights are
those of the first inner step.
"""

from configs.experiments import few_shot


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    config = few_shot.make_config(
        "few_shot_figure7",
        "Meta Dropout, figure 7: stochastic activations",
        argument,
        few_shot.ONE_SHOT,
    )
    config.kinds = ("activations",)
    config.measures.activations = {
        "block": 0,  # the paper's first layer
        "images": 2 if config.profile == "smoke" else 5,
        "copies": 10,
    }
    config.rows = few_shot.table_1_rows()[2:]  # Meta Dropout
    return config
