r"""Figure 7: the training loss around the weights, CUB, ResNet20.

    python -m tools.reproduce --config=configs/experiments/figure7.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/paper

In the workdir of table 1 nothing is trained again.
"""

from configs.experiments import base


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    config = base.make_config("figure7", "Figure 7: loss surface", argument)
    config.measure_names = ("loss_surface",)
    sizes = {  # points along a direction, images (0: all), noise samples
        "smoke": (3, 8, 1),
        "cpu": (11, 256, 5),
        "paper": (25, 0, 10),
    }
    points, images, samples = sizes[config.profile]
    config.measures.loss_surface = {
        # Wider, the perturbed network overflows: test mode does not clip.
        "radius": 0.25,
        "points": points,
        "images": images,
        "samples": samples,
    }
    config.rows = base.regularizers(config.profile)
    if config.profile == "smoke":
        config.only_rows = ("Base", "MetaPerturb")
    config.columns = base.paper_columns(config.profile, ("CUB",))
    return config
