"""The argument of a config file: `FILE.py:NETWORK[,smoke]`."""

# Those of pipeline/trainings/networks.py.
NETWORKS = (
    "conv4",
    "conv6",
    "vgg9",
    "resnet20",
    "resnet32",
    "resnet44",
    "resnet56",
    "resnet18",
    "resnet34",
    "wrn_28_2",
)
APPLICATIONS = (  # of keras.applications
    "ConvNeXtTiny",
    "EfficientNetB0",
    "MobileNetV3Small",
    "ResNet50V2",
)


def parse(argument, names=NETWORKS, default="resnet20"):
    """Returns the network's name and whether `smoke` was asked for.

    Args:
        argument: Str, what stands behind the colon.
        names: Tuple of str, the networks that it may name.
        default: Str, the network that an empty argument stands for.

    Raises: ValueError, if there is anything else in it.
    """
    words = [word for word in argument.split(",") if word]
    smoke = "smoke" in words
    networks = [word for word in words if word != "smoke"] or [default]
    if len(networks) != 1 or networks[0] not in names:
        raise ValueError(
            "The config's argument must be NETWORK[,smoke] with NETWORK one of "
            f"{names}. Received: {argument!r}"
        )
    return networks[0], smoke
