r"""Figure 10: features before φ, noise and features after φ, ResNet20.

    python -m tools.reproduce --config=configs/experiments/figure10.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/paper

In the workdir of table 1 nothing is trained again.
"""

from configs.experiments import base


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    config = base.make_config("figure10", "Figure 10: feature maps", argument)
    config.measure_names = ("feature_maps",)
    config.measures.feature_maps = {"image": 0}
    config.rows = base.regularizers(config.profile)[-1:]
    config.columns = base.paper_columns(
        config.profile, ("STL10", "Cars", "CUB"), 2
    )
    return config
