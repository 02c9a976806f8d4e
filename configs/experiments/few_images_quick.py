r"""The question of few_images.py on a small network, in minutes a cell.

    python -m tools.reproduce \
        --config=configs/experiments/few_images_quick.py \
        --config.manual_dir=FOLDER --workdir=runs/few_images_quick

CIFAR-10's subset at 16 pixels: each seed draws its own 50 images of each class,
a fifth of them for the temperature, and tests on all other 6,500. Conv4 of 32
channels, batch 64, 2,000 steps, twenty samples. Photographs' φ has one draw per
channel and is meta-trained first, on four tasks of Tiny ImageNet (FOLDER also
holds `tiny-imagenet-200.zip`). docs/results.md has the outcome.
"""

from configs.experiments import base
from configs.experiments import empty
from configs.experiments import letters
from configs.meta_train import small_tasks

_PLAIN, _MIXED = "Base", "Manifold Mixup"
_BOTH = "meta_perturb+manifold_mixup"
_PHOTOGRAPHS = "photographs"
_STRENGTHS = (0.5, 0.75, 1.0)


def get_config(argument=""):
    """Returns the config. `argument`: smoke or cpu (default)."""
    argument = empty.checked_profile(argument, ("smoke", "cpu"))
    config = base.make_config("few_images_quick", "Few images", argument)
    smoke = config.profile == "smoke"
    config.phis[_PHOTOGRAPHS] = _photographs(smoke)
    noise = base.channel_noise_rows(_STRENGTHS)
    phis = (
        base.row(f"Photographs' φ + {_MIXED}", _BOTH, phi=_PHOTOGRAPHS),
        base.row(f"Letters' φ + {_MIXED}", _BOTH, phi=letters.LETTERS_PHI),
    )
    config.rows = (
        base.row(_PLAIN, "base"),
        base.row(_MIXED, "manifold_mixup"),
        *noise,
        *phis,
    )
    config.contrasts = (
        (_MIXED, _PLAIN),
        *((row.name, _MIXED) for row in noise + phis),
        *((row.name, noise[-1].name) for row in phis),
    )
    config.columns = (base.digits_for("CIFAR-10, 50 per class"),)
    if smoke:
        return config
    config.metric = "negative_log_likelihood"
    config.seeds = (0, 1, 2, 3, 4)
    config.target = letters.make_target()
    config.target.steps = 2_000
    config.target.batch_size = 64
    config.target.samples = 20
    config.target.data.validation_fraction = 0.2
    config.target.data.flip = True
    config.columns = (
        base.column(
            "CIFAR-10, 50 per class",
            data__source="subset:cifar10",
            data__examples_per_class=50,
        ),
    )
    return config


def _photographs(smoke):
    """Returns how φ is meta-trained: as the demo's, on photographs."""
    config = small_tasks.get_config("conv4,smoke" if smoke else "conv4")
    config.phi_options.noise_per = "channel"
    config.phi_stddev = 0.01
    config.noise_ramp = 0.0
    config.restart_every = 0
    config.data.classes = ()
    if smoke:
        config.data.source = "tfds:digits"
        return config
    config.network_options.channels = 32
    config.tasks = 4
    config.steps = 800
    config.batch_size = 32
    config.learning_rate = 5e-3
    config.phi_learning_rate = 5e-3
    return config
