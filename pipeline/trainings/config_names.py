"""The names that a target config may hold, told without TensorFlow.

What they stand for is in methods.py and networks.py.
"""

import difflib

LAYERS = (  # what goes to the positions of the network
    "meta_perturb",
    "fresh_phi",
    "mean_preserving_noise",
    "information_dropout",
    "drop_block",
    "monte_carlo_dropout",
)
WRAPPERS = (  # what trains the network
    "manifold_mixup",
    "mixup",
    "adversarial_training",
)
NOISY = ("meta_perturb", "fresh_phi", "mean_preserving_noise")  # by `c_max`
ENSEMBLE = "deep_ensemble"  # several runs of "base"
METHODS = ("base", *LAYERS, *WRAPPERS, ENSEMBLE)
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
_JOINT = "+"


def parts(name):
    """Returns the names that a method is made of, a tuple of one or two."""
    return tuple(name.split(_JOINT))


def check_method(name):
    """Raises ValueError, with the valid names, for an unknown method."""
    names = parts(name)
    if len(names) == 1 and name in METHODS:
        return
    if len(names) == 2 and names[0] in LAYERS and names[1] in WRAPPERS:
        return
    raise ValueError(
        f"Config key `method` must be one of {METHODS}, or LAYER+WRAPPER with "
        f"LAYER one of {LAYERS}, and WRAPPER one of {WRAPPERS}. "
        f"Received: method={name!r}"
    )


def check_network(name):
    """Raises ValueError, with the valid names, for an unknown network."""
    if name not in NETWORKS:
        near = difflib.get_close_matches(str(name), NETWORKS, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"Config key `network` must be one of {list(NETWORKS)}.{hint} "
            f"Received: network={name!r}"
        )
