"""The networks that a config can name."""

import difflib

from mp_keras import networks

_NETWORKS = {
    "conv4": networks.Conv4,
    "resnet20": networks.ResNet20,
}


def make_network(
    name, classes, image_size, perturbation=None, seed=None, options=None
):
    """Returns the network that a config names, ending in logits.

    Args:
        name: Str, one of "conv4", "resnet20".
        classes: Int, number of logits.
        image_size: Int, height and width of the RGB input in pixels.
        perturbation: `PerturbationFunction` or None for the plain network.
        seed: Int or None: seed of the perturbation's noise.
        options: Dict of further arguments of that network, or None.

    Raises: ValueError, if the name is unknown.
    """
    if name not in _NETWORKS:
        near = difflib.get_close_matches(str(name), _NETWORKS, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"Config key `network` must be one of {sorted(_NETWORKS)}.{hint} "
            f"Received: network={name!r}"
        )
    return _NETWORKS[name](
        classes,
        input_shape=(image_size, image_size, 3),
        perturbation=perturbation,
        seed=seed,
        **dict(options or {}),
    )
