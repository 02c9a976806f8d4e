r"""Trains a network of `keras.applications` on your own images.

    python -m tools.train_target \
        --config=configs/target/pretrained.py:EfficientNetB0 \
        --config.data.source=folder:my_images --workdir=runs/my_images

The argument is NETWORK[,smoke] with NETWORK ConvNeXtTiny, EfficientNetB0,
MobileNetV3Small or ResNet50V2. Its weights are those of ImageNet, which Keras
downloads once, or those of a file (`--config.pretrained.weights=FILE`). The
last layer is trained first, then all but batch norms, at a lower rate. Batch,
steps and size follow the images and 30 minutes, as for
configs/target/own_images.py; sizes are 96, 128, 160 and 224 pixels. The method
is the plain one: where a small network was fine-tuned, no other did better in
few steps (docs/results.md), and with these weights none has been measured;
`--config.method=auto` measures six.
"""

from configs import arguments
from configs.target import default


def get_config(argument=""):
    """Returns the config of NETWORK[,smoke], by default EfficientNetB0's."""
    network, smoke = arguments.parse(
        argument, arguments.APPLICATIONS, "EfficientNetB0"
    )
    config = default.get_config("smoke" if smoke else "")
    config.network = network
    config.method = "base"
    if smoke:
        config.image_size = 32
        config.pretrained.weights = ""  # nothing is downloaded
    else:
        config.image_size = 0
        config.steps = 0
        config.batch_size = 0
        config.deterministic.mixtures = 200
    return config
