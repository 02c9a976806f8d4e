"""φ by gradients on small tasks of different ages, in JAX.

    python -m tools.study --config=configs/studies/gradients.py \
        --config.data.files="('meta.npz',)" --workdir=runs/gradients

A task: 10 classes x 40 training images, 110 held out; it starts anew every
`period` steps. Leaves `phi.npz` and `curves.npz`. For an accelerator.
"""

from configs.studies import base


def get_config(argument=""):
    """Returns the config. `argument`: empty, or "smoke"."""
    config = base.make_config(argument)
    config.tasks = 10
    config.steps = 6_000
    config.period = 1_500
    config.rate = 3e-3  # φ's own
    config.spread = 0.1  # of φ at its start
    config.ramp = 0.4  # of the noise, within a period
    config.alpha = 0.0  # Manifold Mixup's
    config.learning_rate = 1e-3
    config.l2 = 5e-4
    config.seed = 0
    if argument == "smoke":
        config.tasks = 2
        config.period = 2
    return base.shrunk(config, argument)
