r"""Our results with few images: what helps when a plain network overfits?

    python -m tools.reproduce --config=configs/experiments/few_images.py \
        --config.manual_dir=FOLDER --workdir=runs/few_images

32 pixels, ResNet20, batch 64, a fifth of the training images for the
temperature. CIFAR-10's subset: each seed draws its own 50 images of each class,
trains 3,000 steps and tests on all other 6,500. Cars, Dogs and CUB-2010 as one
set of 150 classes, 16 images of each, 3,750 steps. FOLDER and
`--config.phi_paths.authors`: as in configs/experiments/data_at_hand.py. A row
of one seed takes 7 to 25 minutes on one CPU core; docs/results.md has the
outcome.
"""

from configs.experiments import base
from configs.experiments import empty

_OURS = base.SHIPPED_PHI
_BOTH = "meta_perturb+manifold_mixup"
_L2 = 5e-3  # chosen on one task of the source (docs/results.md)
_CHANNELS = "Channel noise + Manifold Mixup"
_TUNED = (  # name, method, phi and other keys
    ("Base", "base", {}),
    ("Manifold Mixup", "manifold_mixup", {}),
    (_CHANNELS, "channel_noise+manifold_mixup", {}),
    ("Our φ + Manifold Mixup", _BOTH, {"phi": _OURS}),
)


def get_config(argument=""):
    """Returns the config. `argument`: smoke or cpu (default)."""
    argument = empty.checked_profile(argument, ("smoke", "cpu"))
    config = base.make_config("few_images", "Few images", argument)
    config.phi_paths.authors = ""  # a SavedModel folder; "": no such row
    config.rows = (
        base.row("Base", "base"),
        base.row("Manifold Mixup", "manifold_mixup"),
        base.row("Our φ", "meta_perturb", phi=_OURS),
        base.row("Our φ + Manifold Mixup", _BOTH, phi=_OURS),
        base.row("Untrained φ", "fresh_phi"),
        base.row("Untrained φ + Manifold Mixup", "fresh_phi+manifold_mixup"),
        base.row("Authors' φ", "meta_perturb", phi="authors"),
        base.row(_CHANNELS, "channel_noise+manifold_mixup"),
    )
    config.rows += tuple(
        base.row(f"{name}, L2 {_L2:g}", method, l2=_L2, **values)
        for name, method, values in _TUNED
    )
    config.contrasts = (  # fixed before the first run
        ("Our φ", "Untrained φ"),
        ("Our φ + Manifold Mixup", "Manifold Mixup"),
        (_CHANNELS, "Manifold Mixup"),
        (f"Base, L2 {_L2:g}", "Base"),
        (f"Manifold Mixup, L2 {_L2:g}", f"Base, L2 {_L2:g}"),
        *(
            (f"{name}, L2 {_L2:g}", f"Manifold Mixup, L2 {_L2:g}")
            for name, _, _ in _TUNED[2:]
        ),
    )
    config.target.data.validation_fraction = 0.2
    if config.profile == "smoke":
        config.rows = config.rows[:4]
        config.contrasts = config.contrasts[1:2]
        config.target.data.examples_per_class = 5
        config.target.data.pooled = True
        config.columns = (base.digits_for("CIFAR-10"),)
        return config
    config.metric = "negative_log_likelihood"
    config.seeds = (0, 1, 2, 3, 4)
    config.target.steps = 3_000
    config.target.batch_size = 64
    config.target.samples = 30
    config.target.deterministic.mixtures = 10_000
    config.columns = (
        base.column(
            "CIFAR-10, 50 per class",
            data__source="subset:cifar10",
            data__examples_per_class=50,
            data__pooled=True,
        ),
        base.column(
            "Cars, Dogs and CUB-2010",
            seeds=(0, 1, 2),
            data__source="subset:cars+dogs+cub2010",
            steps=3_750,
        ),
    )
    return config
