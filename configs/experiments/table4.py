r"""Table 4: calibration error on six target data sets, ResNet20.

    python -m tools.reproduce --config=configs/experiments/table4.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/paper

In the workdir of table 1 nothing is trained again but the two references of
today, deep ensembles and Monte Carlo dropout.
"""

from configs.experiments import base


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    config = base.make_config("table4", "Table 4: calibration error", argument)
    config.metric = "expected_calibration_error"
    config.paper_table = "4 ECE (%) ResNet20"
    plain, *others = base.regularizers(config.profile)
    config.rows = (
        plain,
        *base.fine_tuned([plain]),
        *others,
        base.row("Deep ensemble", "deep_ensemble"),
        base.row("Monte Carlo dropout", "monte_carlo_dropout"),
    )
    if config.profile == "smoke":
        config.only_rows = (
            "Base",
            "Deep ensemble",
            "Monte Carlo dropout",
        )
    config.columns = base.paper_columns(config.profile, base.TABLE_1_SETS)
    return config
