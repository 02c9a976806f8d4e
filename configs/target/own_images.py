r"""Trains a classifier on your own images, with what they are enough for.

    python -m tools.train_target \
        --config=configs/target/own_images.py:resnet20 \
        --config.data.source=folder:my_images --workdir=runs/my_images

As configs/target/default.py, but for batch, steps and size, which follow the
number and the size of the images and 30 minutes on your machine
(`--config.minutes=`). The run says what it chose, and notes it in
`chosen.json`; any of them given here wins. The method is Manifold Mixup, which
was nowhere clearly worse than the plain network (docs/results.md).
"""

from configs import arguments
from configs.target import default


def get_config(argument=""):
    """Returns the config. `argument`: NETWORK[,smoke], default resnet20."""
    config = default.get_config(argument)
    _, smoke = arguments.parse(argument)
    config.method = "manifold_mixup"
    if not smoke:
        config.image_size = 0
        config.steps = 0
        config.batch_size = 0
        config.deterministic.mixtures = 2000  # a fifth of the time
    return config
