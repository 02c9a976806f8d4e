r"""The small tasks of small_tasks.py, φ starting at N(0, 0.01^2).

    python -m tools.meta_train \
        --config=configs/meta_train/small_tasks_narrow.py:resnet20 \
        --config.data.manual_dir=FOLDER --workdir=runs/small_tasks_narrow

Beside small_tasks.py it shows what the start decides. The twin for
accelerators, in JAX, is configs/studies/gradients.py with
`--config.spread=0.01`, carried out by pipeline/many_runs/meta_gradients.py.
"""

from configs.meta_train import small_tasks


def get_config(argument=""):
    """Returns the config. `argument`: NETWORK[,smoke], default resnet20."""
    config = small_tasks.get_config(argument)
    config.phi_stddev = 0.01
    return config
