"""Stanford Cars' subset at 84 pixels, 10,000 steps, as the paper trains.

    python -m tools.study --config=configs/studies/cars84.py \
        --config.data.files="('cars_subset_84.npz',)" --workdir=runs/cars84

MetaPerturb, table 1 and appendix C.4 (196 classes there: 44.34 % without φ,
62.49 % with it). For an accelerator.
"""

from configs.studies import base


def get_config(argument=""):
    """Returns the config. `argument`: empty, or "smoke"."""
    config = base.make_table_config(argument)
    config.image_size = 84
    config.batch_size = 128
    config.steps = 10_000
    config.seeds = (0,)
    return base.shrunk(config, argument)
