r"""Validation accuracy against steps: MAML and Meta Dropout, 5-way 1-shot.

    python -m tools.reproduce \
        --config=configs/experiments/few_shot_curves.py \
        --config.manual_dir=FOLDER --workdir=runs/few_shot_curves

FOLDER holds `images_background_small1.zip` and `images_background_small2.zip`.
32 channels, 10,000 steps of 4 tasks, 3 seeds. A row per outer rate and a column
per number of queries: the choice between them is made on the validation
classes, on the same 200 episodes for all. A killed run goes on where it was.
`--config.only_rows`, `--config.only_columns` and `--config.only_seeds` take a
part of it, `--config.few_shot.steps=1000` a shorter one.
"""

from configs.experiments import base
from configs.experiments import empty
from configs.experiments import few_shot

_RATES = (1e-3, 3e-4)  # the paper's, and that of the authors' code


def get_config(argument=""):
    """Returns the config. `argument`: smoke or cpu (default)."""
    argument = empty.checked_profile(argument, ("smoke", "cpu"))
    config = few_shot.make_config(
        "few_shot_curves",
        "Omniglot's small sets, 5-way 1-shot: choices and curves",
        argument,
        columns=(few_shot.OMNIGLOT_1,),
    )
    config.measure_names = ("convergence",)
    config.rows = tuple(
        few_shot.row(
            f"{name}, outer rate {rate:g}",
            perturbation,
            style=f"{style}:{rate:g}",
            learning_rate=rate,
        )
        for name, perturbation, style in (
            ("MAML", "none", "maml"),
            ("MAML + Meta-dropout", "meta_dropout", "meta_dropout"),
        )
        for rate in _RATES
    )
    run = config.few_shot
    run.data.train_on_validation = False
    if config.profile == "smoke":
        run.validation_episodes = 2
        config.only_rows = tuple(row.name for row in config.rows[::2])
        return config
    run.ways = 5
    run.channels = 32
    run.steps = 10_000
    run.samples = 30
    run.validation_episodes = 200
    run.checkpoint_every = 1000
    config.seeds = (0, 1, 2)
    config.columns = tuple(
        base.column(f"15 queries per {each}", queries_per=each)
        for each in ("task", "class")
    )
    return config
