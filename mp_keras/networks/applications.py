"""Networks of `keras.applications` as classifiers of images in [-1, 1].

    images in [-1, 1] -> what the network was trained on -> its features
    -> their mean over height and width -> logits

φ goes into each block, by the rules of `perturb_model`. The trap: each of these
networks scales pixels in its own way, and with a wrong one it still learns,
only worse. All that scale pixels from 0 to 255 themselves get these back.
"""

import inspect
import typing

import keras
from keras import layers

from mp_keras import annotations
from mp_keras import argument_checks
from mp_keras.networks import argument_checks as network_checks
from mp_keras.networks import weight_files
from mp_keras.perturbation import function
from mp_keras.perturbation import insertion
from mp_keras.perturbation import locations

CLASSIFIER = "classifier"  # name of the last layer
LEAST_SIZE = 32  # height and width in pixels
_HALF_RANGE = 127.5  # of pixels from 0 to 255
_TAKES_PIXELS = {  # from 0 to 255; else [-1, 1]
    "ConvNeXtTiny": True,
    "EfficientNetB0": True,
    "MobileNetV3Small": True,
    "ResNet50V2": False,
}
NAMES = tuple(_TAKES_PIXELS)


def Application(  # noqa: N802
    name: str,
    classes: int,
    input_shape: annotations.ImageShape = (224, 224, 3),
    perturbation: annotations.Perturbation = None,
    positions: str = "all",
    seed: int | None = None,
    stochastic: bool = True,
    weights: annotations.Path | None = None,
    **options: typing.Any,
) -> keras.Model:
    """Returns a network of `keras.applications`, ending in logits.

    Args:
        name: Str, "ConvNeXtTiny", "EfficientNetB0", "MobileNetV3Small" or
            "ResNet50V2".
        classes: Int >= 2, number of logits.
        input_shape: `(height, width, 3)`, height and width at least 32 pixels.
        perturbation: `PerturbationFunction` for every block's position; or a
            function `make_layer(index) -> keras.layers.Layer` of the
            position's number, from 0 at the input; or None (default) for the
            plain network.
        positions: Str, default "all": the positions that get a layer.
            "before_pooling": the last of each level, that is of each spatial
            size; "top": the last level's; "bottom": the first level's.
        seed: Int or None (default). Seed of φ's noise.
        stochastic: Bool, default True, see `MetaPerturbLayer`.
        weights: None (default) for random ones; "imagenet", which Keras
            downloads into its cache; or path-like of a file of this network,
            with its last layer or without: `.weights.h5`, `.h5` or `.keras`.
            The last layer is random in any case.
        **options: Arguments of the network's own, such as `alpha`.

    Returns: a functional model of that name; its last layer is "classifier".
    Raises: ValueError, if an argument is none of these, or the file is damaged
        or of another network; FileNotFoundError, if there is no such file;
        ConnectionError, if the weights cannot be downloaded.

    >>> model = Application("MobileNetV3Small", 5, (32, 32, 3), alpha=0.25)
    >>> model.output_shape
    (None, 5)
    """
    argument_checks.check_one_of("name", name, NAMES)
    network_checks.check_classes(classes)
    locations.check(positions)
    height, width, channels = input_shape
    if min(height, width) < LEAST_SIZE or channels != 3:
        raise ValueError(
            "Argument `input_shape` must be (height, width, 3) with at least "
            f"{LEAST_SIZE} pixels for {name}. "
            f"Received: input_shape={tuple(input_shape)}"
        )
    make = getattr(keras.applications, name)
    _check_options(name, make, options)
    images = keras.Input(input_shape, name="images")
    scaled = images
    if _TAKES_PIXELS[name]:
        scaled = layers.Rescaling(_HALF_RANGE, _HALF_RANGE, name="pixels")(
            images
        )
    backbone = make(
        include_top=False,
        weights=None,
        input_tensor=scaled,
        input_shape=tuple(input_shape),
        pooling="avg",
        **options,
    )
    if weights is not None:
        weight_files.load(backbone, name, make, options, weights, NAMES)
    logits = layers.Dense(classes, name=CLASSIFIER)(backbone.output)
    network = keras.Model(images, logits, name=name)
    return _perturbed(network, perturbation, positions, seed, stochastic)


def _perturbed(network, perturbation, positions, seed, stochastic):
    """Returns the network with a layer at its positions, if there is one."""
    if perturbation is None:
        return network
    if positions == "all":
        positions = "auto"
    if isinstance(perturbation, function.PerturbationFunction):
        return insertion.perturb_model(
            network, perturbation, positions, seed=seed, stochastic=stochastic
        )
    return insertion.insert_layers(network, perturbation, positions)


def _check_options(name, make, options):
    given = {"include_top", "weights", "input_tensor", "input_shape", "pooling"}
    known = set(inspect.signature(make).parameters) - given
    unknown = sorted(set(options) - known)
    if unknown:
        raise ValueError(
            f"Further arguments of {name} may be {sorted(known)}. "
            f"Received: {unknown}"
        )
