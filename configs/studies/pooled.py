"""Cars, Dogs and CUB-2010 as one set: 150 classes, 16 images of each.

    python -m tools.study --config=configs/studies/pooled.py \
        --config.data.files="('cars_subset_84.npz', 'dogs_subset_84.npz', \
        'cub200_2010_subset_84.npz')" --workdir=runs/pooled

For an accelerator.
"""

from configs.studies import base


def get_config(argument=""):
    """Returns the config. `argument`: empty, or "smoke"."""
    config = base.make_table_config(argument)
    config.steps = 3_750
    config.seeds = (0, 1, 2)
    return base.shrunk(config, argument)
