"""Batch norms whose outputs without noise match those with it.

A network's batch norms know the statistics of noisy features. Where the noise
is taken away, those differ: a ReLU lets more of noise pass than of its mean,
and what is left varies less. On the same images, from the input on,

    for every batch norm of the network without noise:
        moving statistics = those with which mean and variance of its outputs
                            are the ones of the Monte Carlo pass

φ's own moving statistics stay: a test's scale depends on nothing else, and is
the same with and without noise. The trap: what comes before a batch norm has to
be right first, so each is set in the pass that calls it, before it computes.
"""

import keras
import numpy as np
from keras import ops

from mp_keras.graphs import graph_reading
from mp_keras.graphs import layer_search

_BATCH = 128
_TINY = 1e-12  # of a channel that is constant


def compensate(still, noisy, images, samples=5):
    """Sets the moving statistics of a network without noise.

    Args:
        still: Functional `keras.Model`, a copy of `noisy` without its noise.
        noisy: Functional or Sequential `keras.Model`.
        images: Array `(examples, height, width, channels)`.
        samples: Int >= 1, default 5: passes through `noisy`.
    """
    norms = layer_search.find_layers(still, _is_norm)
    originals = layer_search.find_layers(noisy, _is_norm)
    moments = {}

    def observe(norm, inputs):
        moments.setdefault(norm, []).append(_moments(norm, inputs))

    for _ in range(samples):
        _pass_through(noisy, observe, images)
    wanted = {
        norm: np.mean(moments[original], axis=0)
        for norm, original in zip(norms, originals)
        if original in moments  # not one that the graph does not call
    }
    starts = {norm: _statistics(norm) for norm in wanted}
    found = {}

    def match(norm, inputs):
        if norm in wanted:
            matched = _matched(
                starts[norm],
                wanted[norm],
                _moments(norm, inputs),
                norm.epsilon,
            )
            _assign(norm, *matched)
            found.setdefault(norm, []).append(matched)

    _pass_through(still, match, images)
    for norm, each in found.items():
        _assign(norm, *np.mean(each, axis=0))


def _matched(start, noisy, new, epsilon):
    """Returns moving statistics with which the outputs' moments agree.

    Args:
        start: Mean and variance, the statistics for the noisy inputs.
        noisy, new: Mean and variance of the noisy and of the new inputs.
        epsilon: Float, the batch norm's.
    """
    mean, variance = start
    ratio = (new[1] + _TINY) / (noisy[1] + _TINY)
    deviation = np.sqrt((variance + epsilon) * ratio)
    shift = (noisy[0] - mean) / np.sqrt(variance + epsilon)
    return new[0] - shift * deviation, np.maximum(deviation**2 - epsilon, 0)


def _pass_through(model, action, images):
    """Calls `action(norm, inputs)` before every batch norm, batch by batch."""
    probes = []
    view = _view(model, probes)
    for probe in probes:
        probe.action = action
    for start in range(0, len(images), _BATCH):
        view(ops.convert_to_tensor(images[start : start + _BATCH]))


def _view(model, probes):
    """Returns a model over the same layers, with probes before batch norms."""

    def call(layer, *args, **kwargs):
        if graph_reading.is_graph(layer):
            return _view(layer, probes)(*args, **kwargs)
        if not _is_norm(layer):
            return layer(*args, **kwargs)
        probe = _Probe(layer)
        probes.append(probe)
        inputs, *rest = args
        return layer(probe(inputs), *rest, **kwargs)

    return keras.models.clone_model(
        graph_reading.view(model),
        clone_function=lambda layer: layer,
        call_function=call,
    )


class _Probe(keras.layers.Layer):
    """Shows what a batch norm is about to be called on."""

    def __init__(self, norm):
        super().__init__()
        self.autocast = False  # the features stay of the type they are
        self.__dict__["norm"] = norm  # not as a part of this layer
        self.action = None

    def call(self, inputs):
        if self.action is not None:  # not while the view is made
            self.action(self.norm, inputs)
        return inputs


def _is_norm(layer):
    return isinstance(layer, keras.layers.BatchNormalization)


def _moments(norm, inputs):
    """Returns mean and variance of each channel, two arrays `(channels,)`."""
    rank = len(inputs.shape)
    axes = [axis for axis in range(rank) if axis != norm.axis % rank]
    moments = ops.moments(ops.cast(inputs, "float32"), axes)
    return [ops.convert_to_numpy(each).astype("float64") for each in moments]


def _statistics(norm):
    return [
        ops.convert_to_numpy(each).astype("float64")
        for each in (norm.moving_mean, norm.moving_variance)
    ]


def _assign(norm, mean, variance):
    norm.moving_mean.assign(mean.astype("float32"))
    norm.moving_variance.assign(variance.astype("float32"))
