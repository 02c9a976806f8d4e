r"""Many targets x networks x methods x seeds, for a cluster or long nights.

    python -m tools.run_pipeline --config=configs/pipeline/sweep.py \
        --config.manual_dir=FOLDER --workdir=gs://bucket/sweep \
        --compile=sweep.yaml --image=NAME:TAG

φ is meta-trained once on Tiny ImageNet; then come four small sets, as
`subset:cars`, each with two networks, five methods and three seeds: 120
trainings of 1,000 steps. FOLDER, or the URI of one, holds the files of all five
sets (docs/paper.md).
"""

import ml_collections

from configs.meta_train import tiny_imagenet
from configs.pipeline import demo
from configs.pipeline import stages
from configs.target import default
from configs.target import tuned

_SOURCES = ("cifar10", "cars", "dogs", "cub2010")
_NETWORKS = ("resnet20", "conv4")


def get_config(argument=""):
    """Returns the config. `argument`: "smoke" for seconds, or nothing."""
    if argument == "smoke":
        config = demo.get_config("smoke")
        config.name = "mp-keras-sweep"
        config.methods = ("base", "drop_block", "meta_perturb")
        config.targets = (
            {"label": "digits-3-a-class", "data.examples_per_class": 3},
            {"label": "digits"},
        )
        return config
    config = ml_collections.ConfigDict()
    config.name = "mp-keras-sweep"
    config.methods = (
        "base",
        "information_dropout",
        "drop_block",
        "manifold_mixup",
        "meta_perturb",
    )
    config.seeds = (0, 1, 2)
    config.seeds_together = 1  # in one stage, one after the other
    config.tuner = stages.make_tuner(tasks=0)
    config.parallel_targets = 0  # at a time, on a cluster; 0: all
    config.stages = stages.make_stages()
    config.beam_options = ()  # of Apache Beam, for ExampleGen; (): in memory
    config.manual_dir = ml_collections.FieldReference("")
    config.source = tiny_imagenet.get_config("resnet20")
    config.target = default.get_config("resnet20")
    config.target.steps = 1000
    config.target.data.validation_fraction = 0.2
    config.source.data.manual_dir = config.get_ref("manual_dir")
    config.target.data.manual_dir = config.get_ref("manual_dir")
    config.targets = tuple(
        _target(source, network) for source in _SOURCES for network in _NETWORKS
    )
    return config


def _target(source, network):
    changes = {"data.source": f"subset:{source}", "network": network}
    for values in tuned.values_for(f"subset:{source}").values():
        changes |= values
    return {"label": f"{source}-{network}", **changes}
