"""Gives a network of `keras.applications` the weights of a file or of ImageNet.

    the file's layers   in their order, or by name, as Keras' formats have them
    a last layer        in the file is left out

The trap: the files of EfficientNet on ImageNet hold deviations where a
`Normalization` takes variances. Keras divides once more, but only if it has
downloaded the file itself; given as a path, the same file makes a network that
sees other pixels. Here the variances are set, whichever way the file came.
"""

import contextlib
import os
import pathlib
import socket
import warnings

import keras
import numpy as np

from mp_keras import error_texts
from mp_keras import given_files
from mp_keras.graphs import model_copy

IMAGENET = "imagenet"
_CLASSES = 1000  # of ImageNet
_DEVIATIONS = (0.229, 0.224, 0.225)  # of ImageNet's pixels in [0, 1]
_TOLERANCE = 1e-4
_WAIT_S = 30  # for a server that does not answer


def load(backbone, name, make, options, weights, others=()):
    """Sets all weights of a backbone.

    Args:
        backbone: Functional `keras.Model` that `make` has made, without top.
        name: Str, of the network, for errors.
        make: Function of `keras.applications`.
        options: Dict of the arguments of `make` that are the network's own.
        weights: "imagenet", or path-like of a file.
        others: Names in `keras.applications` of networks that the file may be
            of by mistake.

    Raises: FileNotFoundError, ValueError, if there is no such file or it is not
        one of this network; ConnectionError, if the download fails.
    """
    shape = tuple(backbone.inputs[0].shape[1:])
    if weights == IMAGENET:
        _carry(_downloaded(name, make, options, shape), backbone)
    else:
        _read(backbone, name, make, options, pathlib.Path(weights), others)
    _correct_variances(backbone)


def _downloaded(name, make, options, shape):
    try:
        with _patience(), warnings.catch_warnings():
            # They are for 224 pixels, and a mean over fewer is one, too.
            warnings.simplefilter("ignore")
            return make(
                include_top=False,
                weights=IMAGENET,
                input_shape=shape,
                **options,
            )
    except ValueError:  # options that no such weights are for
        raise
    # Keras raises a plain Exception; the sockets below raise others.
    except Exception as error:
        raise ConnectionError(
            f"The ImageNet weights of {name} could not be downloaded. Give "
            "them as a file, `.weights.h5`, `.h5` or `.keras`, or put it into "
            f"Keras' cache, {_cache()}. "
            f"Received: {error_texts.named(error)}"
        ) from error


def _cache():
    home = os.environ.get("KERAS_HOME", os.path.join("~", ".keras"))
    return os.path.join(home, "models")


@contextlib.contextmanager
def _patience():
    """Gives up on a server that is silent; Keras itself waits for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_WAIT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _read(backbone, name, make, options, file, others):
    given_files.check(file, given_files.DATA_BYTES)
    shape = tuple(backbone.inputs[0].shape[1:])
    try:
        _fill(backbone, make, options, shape, file)
    # A damaged file raises nearly anything.
    except Exception as error:
        found = error_texts.named(error)
        for other in others:
            if other != name and _is_of(other, shape, file):
                found = f"a file of {other}"
                break
        raise ValueError(
            f"File {file} must hold the weights of {name}, as `.weights.h5`, "
            f"`.h5` or `.keras`. Received: {found}"
        ) from error


def _is_of(name, shape, file):
    make = getattr(keras.applications, name)
    try:
        network = make(include_top=False, weights=None, input_shape=shape)
        _fill(network, make, {}, shape, file)
    except Exception:  # as above
        return False
    return True


def _fill(backbone, make, options, shape, file):
    """Reads a file into a backbone, whether it has a last layer or not."""
    try:
        backbone.load_weights(file)
        return
    except Exception as error:  # as above
        first = error
    try:
        whole = make(
            weights=None, input_shape=shape, classes=_CLASSES, **options
        )
        whole.load_weights(file)
    except Exception:  # as above
        raise first
    _carry(whole, backbone)


def _carry(source, target):
    """Copies the weights of a network to one of the same first layers."""
    pairs = zip(_with_weights(source), _with_weights(target))
    for original, copy in pairs:
        model_copy.copy_weights(original, copy)


def _with_weights(model):
    return [layer for layer in model.layers if layer.weights]


def _correct_variances(backbone):
    for layer in _with_weights(backbone):
        if not isinstance(layer, keras.layers.Normalization):
            continue
        stored = keras.ops.convert_to_numpy(layer.adapt_variance)
        if np.allclose(stored, _DEVIATIONS, atol=_TOLERANCE):
            layer.adapt_variance.assign(stored**2)
            layer.finalize_state()
