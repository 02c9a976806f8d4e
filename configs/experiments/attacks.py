"""What figures 5 and 8 share: adversarial baselines and the attacks on all.

The radii are ours, the paper prints them in its plots alone. Units of pixels
in [0, 1].
"""

from configs.experiments import base

_TRAINED_AGAINST = {  # set -> norm -> radius of the adversarial training
    "s-CIFAR100": {"linf": 4 / 255, "l2": 0.5, "l1": 8.0},
    "STL10": {"linf": 4 / 255, "l2": 0.5, "l1": 8.0},
}
_RADII = {  # norm -> radii of the attacks
    "linf": (1 / 255, 2 / 255, 4 / 255, 8 / 255),
    "l2": (0.125, 0.25, 0.5, 1.0),
    "l1": (2.0, 4.0, 8.0, 16.0),
}


def add_to(config, name):
    """Adds rows and attacks to the config of a figure.

    Args:
        config: Config of `base.make_config`.
        name: Str, the data set of the figure, its only column.
    """
    adversarial = tuple(
        base.row(
            f"Adversarial training ({norm})",
            "adversarial_training",
            style=f"adversarial_training:{norm}",
            adversarial_training__norm=norm,
            adversarial_training__epsilon=radius,
        )
        for norm, radius in _TRAINED_AGAINST[name].items()
    )
    config.rows = (*base.regularizers(config.profile), *adversarial)
    config.columns = base.paper_columns(config.profile, (name,))
    config.measures.robustness = {
        "epsilons": dict(_RADII),
        "steps": 200,
        "gradient_samples": (1, 10),  # 1: the noise may shield the network
        "images": 0,  # all
        "samples": config.target.samples,
    }
    attack = config.measures.robustness
    if config.profile != "paper":
        attack.epsilons = {norm: r[1::2] for norm, r in _RADII.items()}
        attack.images = 50
    if config.profile == "smoke":
        attack.steps = 2
        attack.gradient_samples = (1, 2)
        attack.images = 4
        config.only_rows = ("Base", "MetaPerturb", "Adversarial training (l2)")
