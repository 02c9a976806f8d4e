r"""Our few-shot results: Omniglot's two small sets, 5-way and 20-way 1-shot.

    python -m tools.reproduce \
        --config=configs/experiments/few_shot_at_hand.py \
        --config.manual_dir=FOLDER --workdir=runs/few_shot_at_hand

FOLDER holds `images_background_small1.zip` and `images_background_small2.zip`.
16 channels, 2,000 steps of 4 tasks; about an hour on two cores.
docs/results.md has the outcome.
"""

from configs.experiments import base
from configs.experiments import empty
from configs.experiments import few_shot


def get_config(argument=""):
    """Returns the config. `argument`: smoke or cpu (default)."""
    argument = empty.checked_profile(argument, ("smoke", "cpu"))
    config = few_shot.make_config(
        "few_shot_at_hand",
        "Few-shot learning on Omniglot's small sets",
        argument,
        columns=(few_shot.OMNIGLOT_1,),
    )
    config.rows = few_shot.table_1_rows()
    if config.profile == "smoke":
        config.only_rows = ("MAML", "MAML + Meta-dropout")
        return config
    config.few_shot.steps = 2000
    config.few_shot.samples = 30
    config.columns = (
        base.column("5-way 1-shot", ways=5),
        base.column("20-way 1-shot"),
    )
    return config
