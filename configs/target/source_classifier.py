r"""Trains the source of fine-tuning: Tiny ImageNet, all 200 classes, 32 pixels.

    python -m tools.train_target \
        --config=configs/target/source_classifier.py:resnet20 \
        --config.data.manual_dir=FOLDER --workdir=runs/source_resnet20

FOLDER holds `tiny-imagenet-200.zip`, with all images or a part of them
(`--config.data.source=paper:tiny_imagenet` refuses a part). MetaPerturb, table
1, "Finetuning": the target network starts from these weights
(`--config.fine_tuning.source=` in configs/target/default.py). 10,000 steps of
batch 128.
"""

from configs.target import default


def get_config(argument=""):
    """Returns the config. `argument`: NETWORK[,smoke], default resnet20."""
    config = default.get_config(argument)
    config.method = "base"
    config.phi = ""
    config.data.source = "tfds:tiny_imagenet"
    config.data.validation_fraction = 0.0  # all images, as the paper
    return config
