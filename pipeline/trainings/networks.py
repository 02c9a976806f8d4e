"""The networks that a config can name."""

from mp_keras import networks
from pipeline.trainings import config_names

NETWORKS = {
    "conv4": networks.Conv4,
    "conv6": networks.Conv6,
    "vgg9": networks.VGG9,
    "resnet20": networks.ResNet20,
    "resnet32": networks.ResNet32,
    "resnet44": networks.ResNet44,
    "resnet56": networks.ResNet56,
    "resnet18": networks.ResNet18,
    "resnet34": networks.ResNet34,
    "wrn_28_2": networks.WideResNet28x2,
}


def make_target_network(config, classes, perturbation=None):
    """Returns the network of a target config, ending in logits.

    Args:
        config: Config of `configs/target/`.
        classes: Int, number of logits.
        perturbation: As for `make_network`.

    Raises: ValueError, if the name is unknown, the network refuses the other
        arguments, or the file of its weights is not one; FileNotFoundError,
        if there is none; ConnectionError, if they cannot be downloaded.
    """
    config_names.check_target_network(config)
    if config.network not in config_names.APPLICATIONS:
        return make_network(
            config.network,
            classes,
            config.image_size,
            perturbation,
            config.positions,
            config.seed,
            config.network_options,
        )
    try:
        return networks.Application(
            config.network,
            classes,
            (config.image_size, config.image_size, 3),
            perturbation,
            config.positions,
            config.seed,
            weights=config.pretrained.weights or None,
            **dict(config.network_options),
        )
    except (ConnectionError, FileNotFoundError) as error:
        raise type(error)(
            f"Config key `pretrained.weights`: {error}"
        ) from error


def make_network(
    name,
    classes,
    image_size,
    perturbation=None,
    positions="all",
    seed=None,
    options=None,
):
    """Returns the network that a config names, ending in logits.

    Args:
        name: Str, a key of `NETWORKS`.
        classes: Int, number of logits.
        image_size: Int, height and width of the RGB input in pixels.
        perturbation: `PerturbationFunction`, a function
            `make_layer(index) -> keras.layers.Layer`, or None for the plain
            network.
        positions: Str, one of "all", "before_pooling", "top", "bottom".
        seed: Int or None: seed of φ's noise.
        options: Dict of further arguments of that network, or None.

    Raises: ValueError, if the name is unknown, or the network refuses the
        other arguments.
    """
    config_names.check_network(name)
    return NETWORKS[name](
        classes,
        input_shape=(image_size, image_size, 3),
        perturbation=perturbation,
        positions=positions,
        seed=seed,
        **dict(options or {}),
    )
