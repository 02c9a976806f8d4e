r"""Table 2: accuracy on small-SVHN with six networks.

    python -m tools.reproduce --config=configs/experiments/table2.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/paper

FOLDER holds Tiny ImageNet, for fine-tuning. `:paper` is 150 runs of 10,000
steps, for a GPU.
"""

from configs.experiments import base

_NETWORKS = {
    "Conv4": "conv4",
    "Conv6": "conv6",
    "VGG9": "vgg9",
    "ResNet20": "resnet20",
    "ResNet44": "resnet44",
    "WRN-28-2": "wrn_28_2",
}


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    config = base.make_config(
        "table2", "Table 2: transfer to networks, small-SVHN", argument
    )
    config.paper_table = "2 accuracy (%) small-SVHN"
    plain, information, drop_block, _, perturbed = base.regularizers(
        config.profile
    )
    tuned = base.fine_tuned([plain])
    config.rows = (plain, information, drop_block, *tuned, perturbed)
    if config.profile == "smoke":
        config.only_rows = ("Base", "MetaPerturb")
        config.columns = (
            base.digits_for("Conv4"),
            base.digits_for("Conv6", network="conv6"),
        )
        return config
    config.columns = tuple(
        base.column(
            name,
            tuned_for="paper:small_svhn",
            network=network,
            data__source="paper:small_svhn",
        )
        for name, network in _NETWORKS.items()
    )
    return config
