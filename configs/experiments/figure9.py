r"""Figure 9: reliability diagrams on six target data sets, ResNet20.

    python -m tools.reproduce --config=configs/experiments/figure9.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/paper

In the workdir of table 1 nothing is trained again.
"""

from configs.experiments import base


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    config = base.make_config("figure9", "Figure 9: calibration", argument)
    config.measure_names = ("reliability",)
    config.measures.reliability = {"bins": 15}
    config.rows = base.regularizers(config.profile)
    if config.profile == "smoke":
        config.only_rows = (
            "Base",
            "MetaPerturb",
        )
    config.columns = base.paper_columns(config.profile, base.TABLE_1_SETS, 2)
    return config
