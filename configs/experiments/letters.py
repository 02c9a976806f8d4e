r"""What helps on few images? Tasks of rendered letters, in minutes each.

    python -m tools.reproduce --config=configs/experiments/letters.py \
        --workdir=runs/letters

A column is a task: ten letters of the bundled source, 10 images of each, half
of them for the temperature, tested on the 85 others of each letter. Conv4 of 32
channels, 16 pixels, batch 32, 1,000 steps. No letter of these tasks is in those
of configs/tune/phi.py:letters; a φ that it found is compared by
`--config.phi_paths.searched=runs/phi_search/phi_1 --config.target.c_max=...`.
docs/results.md has the outcome.
"""

from configs.experiments import base
from configs.experiments import empty
from configs.target import default

SEARCH_TASKS = 4
_TASKS = 8
_ALL_CLASSES = 188
_PLAIN, _MIXED = "Base", "Manifold Mixup"
_BOTH = "meta_perturb+manifold_mixup"
_CHANNELS = "Channel noise"
LETTERS_PHI = "glyphs_conv4_channels"  # learned on some of these letters
_STRENGTHS = (0.5, 0.75, 1.0)
_SEARCHED = f"Searched φ + {_MIXED}"


def get_config(argument=""):
    """Returns the config. `argument`: smoke or cpu (default)."""
    argument = empty.checked_profile(argument, ("smoke", "cpu"))
    config = base.make_config("letters", "Letters", argument)
    config.phi_paths.searched = ""  # a SavedModel folder; "": no such row
    noise = base.channel_noise_rows(_STRENGTHS)
    phis = (
        base.row(f"Letters' φ + {_MIXED}", _BOTH, phi=LETTERS_PHI),
        base.row(_SEARCHED, _BOTH, phi="searched"),
    )
    config.rows = (
        base.row(_PLAIN, "base"),
        base.row(_CHANNELS, "channel_noise"),
        base.row("Letters' φ", "meta_perturb", phi=LETTERS_PHI),
        base.row(_MIXED, "manifold_mixup"),
        *noise,
        *phis,
    )
    config.contrasts = (
        (_CHANNELS, _PLAIN),
        (_MIXED, _PLAIN),
        *((row.name, _MIXED) for row in noise + phis),
        *((_SEARCHED, row.name) for row in noise),
    )
    if config.profile == "smoke":
        config.columns = (base.digits_for("task 1"),)
        config.rows = config.rows[:4]
        config.contrasts = config.contrasts[:1]
        return config
    config.metric = "negative_log_likelihood"
    config.target = make_target()
    config.columns = make_columns(SEARCH_TASKS, _TASKS)
    return config


def make_target():
    """Returns the config of a training on a task, but for its classes."""
    config = default.get_config("conv4")
    config.network_options.channels = 32
    config.image_size = 16
    config.steps = 1_000
    config.batch_size = 32
    config.learning_rate = 5e-3  # the demo's
    config.log_every = 100
    config.checkpoint_every = 500
    config.deterministic.mixtures = 0
    config.export = False
    config.data.source = "tfds:glyphs"
    config.data.examples_per_class = 10
    config.data.validation_fraction = 0.5
    config.data.pooled = True
    config.data.flip = False  # a mirrored letter is no letter
    return config


def make_columns(first, count):
    """Returns tasks of classes of their own, from the number of one on."""
    return base.class_columns(_ALL_CLASSES, first, count)
