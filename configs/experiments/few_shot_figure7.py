r"""Meta Dropout, figure 7: stochastic activations.

    python -m tools.reproduce \
        --config=configs/experiments/few_shot_figure7.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/few_shot

In the workdir of few_shot_table1.py nothing is trained again. The weights are
those of the first inner step. (a) Omniglot, layer 1; (b) miniImageNet, layer 2.
"""

import dataclasses

from configs.experiments import few_shot


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    config = few_shot.make_config(
        "few_shot_figure7",
        "Meta Dropout, figure 7: stochastic activations",
        argument,
        few_shot.ONE_SHOT,
    )
    config.measure_names = ("activations",)
    config.measures.activations = {
        "images": 2 if config.profile == "smoke" else 5,
        "copies": 10,
    }
    blocks = {few_shot.OMNIGLOT_1: 0, few_shot.MINI_IMAGENET_1: 1}
    config.columns = tuple(
        dataclasses.replace(  # the paper's layers 1 and 2
            column, measures={"activations": {"block": blocks[column.paper]}}
        )
        for column in config.columns
    )
    config.rows = few_shot.table_1_rows()[2:]  # Meta Dropout
    return config
