r"""The search for φ, by whole trainings on small tasks of a source.

    python -m tools.tune --config=configs/tune/phi.py \
        --config.target.data.manual_dir=FOLDER --workdir=runs/phi_search

FOLDER holds `tiny-imagenet-200.zip`. The tasks are two of
configs/experiments/small_tasks.py, with Manifold Mixup in every training. A
trial takes about 13 minutes of a CPU core; a second process with
`--config.worker=1` shares the folder. `phi.py:letters` takes four tasks of
configs/experiments/letters.py in their place, and no FOLDER: two minutes a
trial. docs/results.md has the outcomes.
"""

import ml_collections

from configs.experiments import empty
from configs.experiments import letters
from configs.experiments import small_tasks

_TASKS = 2


def get_config(argument=""):
    """Returns the config. `argument`: smoke, letters or cpu (default)."""
    profile = empty.checked_profile(argument, ("smoke", "letters", "cpu"))
    config = ml_collections.ConfigDict()
    if profile == "letters":
        config.target = letters.make_target()
        tasks = letters.make_columns(0, letters.SEARCH_TASKS)
    else:
        config.target = small_tasks.get_config(profile).target
        tasks = small_tasks.make_columns(0)[:_TASKS]
    config.target.method = "meta_perturb+manifold_mixup"
    config.task_classes = tuple(task.set["data.classes"] for task in tasks)
    config.directions = ("c_max", "own", "depth")  # at most three
    config.phi_options = ml_collections.ConfigDict()
    config.phi_options.noise_per = "channel"  # or element, as in the paper
    # Strengths of untrained noise, tried first.
    config.controls = (0.25, 0.5, 0.75)
    if profile == "letters":  # the strongest of these was the best
        config.controls += (1.0,)
    config.random_trials = 8  # before the search follows what it has seen
    config.trials = 25
    config.seed = 0  # of the search
    config.worker = 0  # number of this process
    if profile == "smoke":
        config.target.data.source = "tfds:digits"
        config.target.data.validation_fraction = 0.2
        config.task_classes = ((0, 1, 2), (3, 4, 5))
        config.controls = (0.5,)
        config.trials = 2
    return config
