"""The search for φ, by whole trainings on small tasks of Tiny ImageNet.

    python -m tools.study --config=configs/studies/search.py \
        --config.data.files="('search.npz',)" \
        --config.data.confirmation_files="('confirmation.npz',)" \
        --workdir=runs/search

Both files hold classes of their own, in the form of `npz:PATH` sources. For an
accelerator: 25 trials are 150,000 steps of single trainings.
"""

from configs.studies import base


def get_config(argument=""):
    """Returns the config. `argument`: empty, or "smoke"."""
    config = base.make_config(argument)
    config.directions = ("c_max", "own", "depth")  # at most three
    config.fade = 0.0  # part of all steps over which noise falls to 0
    config.per_channel = 0.0  # 1: one noise value per example and channel
    config.alpha = 2.0  # of the half of the runs with Manifold Mixup
    config.learning_rate = 1e-3
    config.l2 = 5e-4
    config.tasks = 2
    config.steps = 1_500
    config.samples = 10
    config.trials = 25
    config.population = 8  # values that train at once
    config.seed = 0
    config.finalists = 2
    config.final_tasks = 4
    config.final_steps = 3_000
    config.final_networks = ("resnet20", "conv4")
    config.data.confirmation_files = ()
    return base.shrunk(config, argument)
