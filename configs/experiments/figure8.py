r"""Figure 8: robustness against PGD, STL10, ResNet20.

    python -m tools.reproduce --config=configs/experiments/figure8.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/paper

Two pictures: attacks with the gradient of one noise sample, and of the mean
of ten.
"""

from configs.experiments import attacks
from configs.experiments import base


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    config = base.make_config("figure8", "Figure 8: robustness", argument)
    config.measure_names = ("robustness",)
    attacks.add_to(config, "STL10")
    return config
