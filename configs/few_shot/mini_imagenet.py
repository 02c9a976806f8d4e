r"""Meta-trains on miniImageNet (Lee et al., ICLR 2020, table 1).

    python -m tools.few_shot \
        --config=configs/few_shot/mini_imagenet.py:5way_1shot \
        --config.data.manual_dir=FOLDER --workdir=runs/mini_imagenet

FOLDER holds `train.csv`, `val.csv`, `test.csv` and the images, or a zip of
them. The paper has, in percent over 1,000 episodes: MAML 49.58 (5-way 1-shot)
and 64.55 (5-shot), MAML + Meta Dropout 51.93 and 67.42. The words of the
argument are in base.py.
"""

from configs.few_shot import base


def get_config(argument=""):
    """Returns the config. `argument`: see base.py, default 5way_1shot."""
    words = base.parse(argument, "5way_1shot")
    config = base.make_config(words)
    config.data.source = "few_shot:mini_imagenet"
    config.image_size = 84
    config.image_channels = 3
    config.channels = 32
    config.inner_rate = 0.01
    config.learning_rate = 1e-4
    config.adversarial.epsilon = 0.01  # or 0.1, in figure 5
    if words.smoke:
        base.shrink(config)
    return config
