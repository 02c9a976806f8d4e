r"""What small_tasks.py chose, on other classes and with as many steps again.

    python -m tools.reproduce \
        --config=configs/experiments/small_tasks_confirmation.py \
        --config.manual_dir=FOLDER --workdir=runs/small_tasks_confirmation

FOLDER, rows and tasks: as there, but for the classes, and 3,000 steps. Compared
once; nothing is chosen here.
"""

from configs.experiments import small_tasks


def get_config(argument=""):
    """Returns the config. `argument`: smoke or cpu (default)."""
    config = small_tasks.make_config(
        "small_tasks_confirmation", "Small tasks of other classes", argument
    )
    if config.profile == "cpu":
        config.columns = small_tasks.make_columns(small_tasks.TASKS)
        config.target.steps = 3_000
    return config
