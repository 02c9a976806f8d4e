r"""Figure 5: robustness against PGD and calibration, s-CIFAR100, ResNet20.

    python -m tools.reproduce --config=configs/experiments/figure5.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/paper

The paper does not name the data set of this figure; figure 8 is on STL10.
Two pictures of the robustness: attacks with the gradient of one noise sample,
and of the mean of ten.
"""

from configs.experiments import attacks
from configs.experiments import base


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    config = base.make_config(
        "figure5", "Figure 5: robustness and calibration", argument
    )
    config.measure_names = ("robustness", "reliability")
    config.measures.reliability = {"bins": 15}
    attacks.add_to(config, "s-CIFAR100")
    return config
