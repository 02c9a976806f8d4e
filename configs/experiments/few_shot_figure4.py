r"""Meta Dropout, figure 4: decision boundaries of two classes of a task.

    python -m tools.reproduce \
        --config=configs/experiments/few_shot_figure4.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/few_shot

In the workdir of few_shot_table1.py nothing is trained again. Before the inner
steps, after the first and after the last; appendix B says how.
"""

from configs.experiments import few_shot


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    config = few_shot.make_config(
        "few_shot_figure4",
        "Meta Dropout, figure 4: decision boundaries",
        argument,
        few_shot.ONE_SHOT,
    )
    config.measure_names = ("decision_boundary",)
    config.measures.decision_boundary = {
        "episode": 0,  # which one of the test
        "steps": (0, 1, config.few_shot.inner_steps),
        "copies": 10,
        "queries": 10,  # of each class
    }
    config.rows = (
        few_shot.row("MAML", "none"),
        few_shot.row("MAML + Meta-dropout", "meta_dropout"),
    )
    return config
