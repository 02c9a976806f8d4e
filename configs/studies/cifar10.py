"""CIFAR-10's subset, 50 images of each class: what helps a small data set?

    python -m tools.study --config=configs/studies/cifar10.py \
        --config.data.files="('cifar10_subset.npz',)" --workdir=runs/cifar10

Every seed draws its own 50 images of each class and tests on all others. All
rows of a seed share initial weights, batches and crops. Needs JAX alone; on a
CPU a step of one run takes about a second, so this is for an accelerator.
"""

from configs.studies import base


def get_config(argument=""):
    """Returns the config. `argument`: empty, or "smoke"."""
    config = base.make_table_config(argument)
    config.data.pooled = True
    config.data.examples_per_class = 50
    return base.shrunk(config, argument)
