r"""Meta-trains on Omniglot's characters (Lee et al., ICLR 2020, table 1).

    python -m tools.few_shot \
        --config=configs/few_shot/omniglot.py:20way_1shot \
        --config.data.manual_dir=FOLDER --workdir=runs/omniglot

FOLDER holds `images_background.zip` and `images_evaluation.zip`. With
`--config.data.source=few_shot:omniglot_small`, the two small sets of the
background part: meta-training on the one's characters, test on the other's.
The paper has, in percent over 1,000 episodes: MAML 95.23 (20-way 1-shot) and
98.38 (5-shot), MAML + Meta Dropout 96.63 and 98.73. The words of the argument
are in base.py. The protocol trains on all 4,800 classes that are not for the
test, so nothing is validated.
"""

from configs.few_shot import base


def get_config(argument=""):
    """Returns the config. `argument`: see base.py, default 20way_1shot."""
    words = base.parse(argument, "20way_1shot")
    config = base.make_config(words)
    config.data.source = "few_shot:omniglot"
    config.data.train_on_validation = True
    one_shot = words.shots == 1
    config.inner_rate = 0.1 if one_shot else 0.4
    if words.authors:
        if one_shot and words.perturbation == "meta_dropout":
            config.learning_rate = 3e-4
    else:
        config.tasks = 8 if one_shot else 6
        config.steps = 40_000
    if words.smoke:
        base.shrink(config)
    return config
