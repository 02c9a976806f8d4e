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


def parse(argument):
    """Returns the network's name and whether `smoke` was asked for.

    Args:
        argument: Str, what stands behind the colon; empty means "resnet20".

    Raises: ValueError, if there is anything else in it.
    """
    words = [word for word in argument.split(",") if word]
    smoke = "smoke" in words
    networks = [word for word in words if word != "smoke"] or ["resnet20"]
    if len(networks) != 1 or networks[0] not in NETWORKS:
        raise ValueError(
            "The config's argument must be NETWORK[,smoke] with NETWORK one of "
            f"{NETWORKS}. Received: {argument!r}"
        )
    return networks[0], smoke
