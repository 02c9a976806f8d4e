r"""Meta-trains φ on Tiny ImageNet, the source data set of the paper.

    python -m tools.meta_train \
        --config=configs/meta_train/tiny_imagenet.py:resnet20 \
        --config.data.manual_dir=FOLDER --workdir=runs/tiny_imagenet

FOLDER holds `tiny-imagenet-200.zip`, or the folder that was in it. MetaPerturb,
section 4: ResNet20, images resized to 32x32. 750 steps of 10 tasks at batch
128 take about a day on two CPU cores. The φ that ships as
`tiny_imagenet_resnet20` comes from 150 of the 500 images of each class and
`--config.batch_size=64`, 82 minutes on two busy cores.
"""

from configs import arguments
from configs.meta_train import base


def get_config(argument=""):
    """Returns the config. `argument`: NETWORK[,smoke], default resnet20."""
    config = base.make_config(*arguments.parse(argument))
    config.data.source = "tfds:tiny_imagenet"
    config.data.terms = (
        "ImageNet's terms: non-commercial research and education only"
    )
    return config
