r"""Figure 6: the scale s at every block of ResNet20, for each data set.

    python -m tools.reproduce --config=configs/experiments/figure6.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/paper

In the workdir of table 1 nothing is trained again.
"""

from configs.experiments import base


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    config = base.make_config("figure6", "Figure 6: the scale s", argument)
    config.measure_names = ("scale",)
    config.rows = base.regularizers(config.profile)[-1:]
    config.columns = base.paper_columns(config.profile, base.TABLE_1_SETS, 2)
    return config
