r"""How much noise, mixing and L2? Small tasks of the source, not a target.

    python -m tools.reproduce --config=configs/experiments/small_tasks.py \
        --config.manual_dir=FOLDER --workdir=runs/small_tasks

FOLDER holds `tiny-imagenet-200.zip`. A column is a task: ten classes of Tiny
ImageNet, 50 images of each, a fifth of them for the temperature, tested on all
others of these classes. ResNet20, 32 pixels, batch 64, 1,500 steps. What is
chosen here is compared once more by small_tasks_confirmation.py, on other
classes; a target decides nothing. docs/results.md has the outcome. A φ that
configs/tune/phi.py found is compared by
`--config.phi_paths.searched=runs/phi_search/phi_1 --config.target.c_max=...`.
"""

from configs.experiments import base
from configs.experiments import empty

TASKS = 4
_ALL_CLASSES = 200
_L2 = (5e-4, 5e-3)  # the paper's, and ten times as much
_METHODS = (  # name, method, other keys
    ("Base", "base", {}),
    ("Manifold Mixup", "manifold_mixup", {}),
    *(
        (f"{name} {strength:g} + Manifold Mixup", method, {key: strength})
        for name, method, key in (
            ("Untrained φ", "fresh_phi+manifold_mixup", "c_max"),
            (
                "Channel noise",
                "channel_noise+manifold_mixup",
                "channel_noise__c_max",
            ),
        )
        for strength in (0.5, 0.75, 1.0)
    ),
    (
        "Searched φ + Manifold Mixup",
        "meta_perturb+manifold_mixup",
        {"phi": "searched"},
    ),
)


def get_config(argument=""):
    """Returns the config. `argument`: smoke or cpu (default)."""
    config = make_config("small_tasks", "Small tasks", argument)
    if config.profile == "cpu":
        config.columns = make_columns(0)
    return config


def make_columns(first):
    """Returns four tasks of classes of their own, from the number of one on."""
    return base.class_columns(_ALL_CLASSES, first, TASKS)


def make_config(name, title, argument):
    """Returns the config without its columns but for those of "smoke"."""
    argument = empty.checked_profile(argument, ("smoke", "cpu"))
    config = base.make_config(name, title, argument)
    config.phi_paths.searched = ""  # a SavedModel folder; "": no such row
    config.rows = tuple(
        base.row(f"{name}, L2 {l2:g}", method, l2=l2, **values)
        for l2 in _L2
        for name, method, values in _METHODS
    )
    config.contrasts = (
        *(
            (f"{name}, L2 {_L2[1]:g}", f"{name}, L2 {_L2[0]:g}")
            for name, _, _ in _METHODS[:2]
        ),
        *(
            (f"{name}, L2 {l2:g}", f"Manifold Mixup, L2 {l2:g}")
            for l2 in _L2
            for name, _, _ in _METHODS[2:]
        ),
    )
    if config.profile == "smoke":
        config.columns = (base.digits_for("task 1"),)
        config.rows = config.rows[:3]
        config.contrasts = ((config.rows[1].name, config.rows[0].name),)
        return config
    config.metric = "negative_log_likelihood"
    config.target.steps = 1_500
    config.target.batch_size = 64
    config.target.samples = 10
    config.target.data.source = "tfds:tiny_imagenet"
    config.target.data.examples_per_class = 50
    config.target.data.validation_fraction = 0.2
    config.target.data.pooled = True
    return config
