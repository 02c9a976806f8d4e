r"""Meta-trains φ on the bundled letters of several scripts.

    python -m tools.meta_train --config=configs/meta_train/glyphs.py:conv4 \
        --workdir=runs/glyphs_conv4

`:conv4` with `--config.steps=400` made the φ that ships with the package as
`glyphs_conv4`; its card says on what and with which metrics.
"""

from configs import arguments
from configs.meta_train import base


def get_config(argument=""):
    """Returns the config. `argument`: NETWORK[,smoke], default resnet20."""
    network, smoke = arguments.parse(argument)
    config = base.make_config(network, smoke)
    if not smoke:
        # The paper's split: 10 groups of 18 classes. With 5 groups of 37, the
        # 40 images of a class teach a small network too little in 1,000 steps.
        config.task_split = "class_wise"
        config.steps = 1000
        config.batch_size = 32
    config.data.source = "tfds:glyphs"
    config.data.terms = (
        "rendered from the fonts that matplotlib ships (Bitstream Vera and "
        "STIX licences); free to use"
    )
    return config
