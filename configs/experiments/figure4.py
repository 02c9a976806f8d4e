r"""Figure 4: test loss and accuracy while networks train, Aircraft and Cars.

    python -m tools.reproduce --config=configs/experiments/figure4.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/paper

FOLDER holds Stanford Cars and FGVC-Aircraft. The test part is evaluated at
every checkpoint, with 5 noise samples, and decides nothing.
"""

from configs.experiments import base


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    config = base.make_config("figure4", "Figure 4: convergence", argument)
    config.measure_names = ("convergence",)
    config.target.track_test = True
    if config.profile != "smoke":
        config.target.checkpoint_every = config.target.steps // 10
    config.rows = base.regularizers(config.profile)
    if config.profile == "smoke":
        config.only_rows = (
            "Base",
            "MetaPerturb",
        )
    config.columns = base.paper_columns(config.profile, ("Aircraft", "Cars"))
    return config
