r"""Meta Dropout, table 1: few-shot accuracy of MAML and Meta-SGD.

    python -m tools.reproduce \
        --config=configs/experiments/few_shot_table1.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/few_shot

FOLDER holds `images_background_small1.zip`, `images_background_small2.zip` and
miniImageNet; for `:paper`, `images_background.zip` and `images_evaluation.zip`
in the place of the first two. The paper's other methods are not run; their
numbers are quoted.
"""

from configs.experiments import few_shot

_QUOTED = (
    "Meta-Learning LSTM (Ravi & Larochelle, 2017)",
    "Matching Networks (Vinyals et al., 2016)",
    "Prototypical Networks (Snell et al., 2017)",
    "Prototypical Networks (Snell et al., 2017) (Higher way)",
    "Reptile (Nichol et al., 2018)",
    "Amortized Bayesian ML (Ravi & Beatson, 2019)",
    "Probabilistic MAML (Finn et al., 2018)",
    "MT-Net (Lee & Choi, 2018)",
    "CAVIA (512) (Zintgraf et al., 2019)",
)


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    config = few_shot.make_config(
        "few_shot_table1", "Meta Dropout, table 1: few-shot accuracy", argument
    )
    config.paper_table = "1 accuracy (%)"
    config.rows = few_shot.table_1_rows()
    if config.profile == "smoke":
        config.only_rows = ("MAML", "Meta-SGD + Meta-dropout")
    else:
        config.quoted_rows = _QUOTED
    return config
