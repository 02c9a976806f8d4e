r"""Table 1: accuracy on six target data sets, ResNet20.

    python -m tools.reproduce --config=configs/experiments/table1.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/paper

FOLDER holds Tiny ImageNet, Stanford Cars, FGVC-Aircraft and CUB-200-2011 (an
error says which files); TensorFlow Datasets downloads the others.
`:paper` is 300 runs of 10,000 steps, for a GPU.
"""

from configs.experiments import base


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    config = base.make_config(
        "table1", "Table 1: transfer to data sets", argument
    )
    config.paper_table = "1 accuracy (%) ResNet20"
    rows = base.regularizers(config.profile)
    config.rows = (*rows, *base.fine_tuned(rows))
    if config.profile == "smoke":
        config.only_rows = (
            "Base",
            "MetaPerturb",
            "Fine-tuning",
            "Fine-tuning + MetaPerturb",
        )
    config.columns = base.paper_columns(config.profile, base.TABLE_1_SETS)
    return config
