"""The names that a target config may hold, told without TensorFlow.

What they stand for is in methods.py and networks.py.
"""

import difflib
import pathlib

LAYERS = (  # what goes to the positions of the network
    "meta_perturb",
    "fresh_phi",
    "channel_noise",
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
APPLICATIONS = (  # of keras.applications, with weights that they come with
    "ConvNeXtTiny",
    "EfficientNetB0",
    "MobileNetV3Small",
    "ResNet50V2",
)
IMAGENET = "imagenet"
_LEAST_SIZE = 32  # of an application's images, in pixels
_SUFFIXES = (".weights.h5", ".h5", ".keras")
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
        f"LAYER one of {LAYERS}, and WRAPPER one of {WRAPPERS}, or, of "
        "`tools.train_target`, 'auto'. "
        f"Received: method={name!r}"
    )


def check_network(name, names=NETWORKS):
    """Raises ValueError, with the valid names, for an unknown network."""
    if name not in names:
        near = difflib.get_close_matches(str(name), names, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"Config key `network` must be one of {list(names)}.{hint} "
            f"Received: network={name!r}"
        )


def check_target_network(values):
    """Refuses a network that no target training can have.

    Args:
        values: Config of `configs/target/`, or a dict of its values.

    Raises: ValueError, if the network is unknown, or its image size or the
        form of its weights does not suit it; FileNotFoundError, if there is no
        file of weights.
    """
    name = values["network"]
    check_network(name, NETWORKS + APPLICATIONS)
    if name not in APPLICATIONS:
        return
    size = values["image_size"]
    if 0 < size < _LEAST_SIZE:
        raise ValueError(
            f"Config key `image_size` must be at least {_LEAST_SIZE} for "
            f"{name}. Received: image_size={size}"
        )
    weights = values["pretrained"]["weights"]
    if weights in ("", IMAGENET):
        return
    expected = (
        f"Config key `pretrained.weights` must be {IMAGENET!r}, '' for random "
        f"ones, or a file with the weights of {name} that ends in one of "
        f"{_SUFFIXES}. Received: pretrained.weights={weights!r}"
    )
    if not weights.endswith(_SUFFIXES):
        raise ValueError(expected)
    if not pathlib.Path(weights).exists():
        raise FileNotFoundError(f"{expected}, which does not exist")


def is_pretrained(values):
    """Returns whether a target training starts from given weights.

    Args:
        values: As for `check_target_network`.
    """
    return bool(
        values["network"] in APPLICATIONS and values["pretrained"]["weights"]
    )
