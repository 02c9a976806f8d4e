"""What the studies share: the rows of their tables, and how runs train."""

import ml_collections


def make_config(argument):
    """Returns what the configs of the files beside this one share."""
    if argument not in ("", "smoke"):
        raise ValueError(
            "The config's argument must be empty or smoke. "
            f"Received: {argument!r}"
        )
    config = ml_collections.ConfigDict()
    config.network = "resnet20"  # or conv4
    config.image_size = 32
    config.steps = 3_000
    config.batch_size = 64
    config.data = ml_collections.ConfigDict()
    config.data.files = ()  # npz files, as for `npz:PATH` sources
    config.data.flip = True
    return config


def make_table_config(argument):
    """Returns a config whose study is a table of rows and seeds."""
    config = make_config(argument)
    config.rows = rows()
    config.seeds = (0, 1, 2, 3, 4)
    config.samples = 30  # Monte Carlo
    config.data.pooled = False  # draw from all images, test on all others
    config.data.examples_per_class = 0  # 0: all
    config.data.validation_fraction = 0.2  # of those, never trained on
    return config


def row(name, perturbation="", **values):
    """Returns one row: how its runs differ from those of the others.

    Args:
        name: Str, its name in tables.
        perturbation: Str: "" (no φ), "fresh", a φ that ships, an npz file.
        **values: What differs from the values below.
    """
    return {
        "name": name,
        "perturbation": perturbation,
        "coefficient": 1.0,  # the largest, c_max
        "ramp": 0.4,
        "fade": 0.0,
        "per_channel": 0.0,
        "mean_preserving": 0.0,
        "alpha": 0.0,  # Manifold Mixup's; 0: none
        "learning_rate": 1e-3,
        "l2": 5e-4,
        **values,
    }


def rows():
    """Returns the rows of the tables of results."""
    ours = "tiny_imagenet_resnet20"
    return (
        row("base"),
        row("Manifold Mixup", alpha=2.0),
        row("fresh φ", "fresh"),
        row("mean-preserving noise", "fresh", mean_preserving=1.0),
        row("our φ", ours),
        row("our φ + Manifold Mixup", ours, alpha=2.0),
        row("fresh φ + Manifold Mixup", "fresh", alpha=2.0),
    )


def shrunk(config, argument):
    """Returns the config, shrunk to seconds if `argument` is "smoke"."""
    if argument == "smoke":
        config.image_size = 16
        config.steps = 2
        config.batch_size = 4
        if "rows" in config:
            config.seeds = (0, 1)
            config.samples = 2
    return config
