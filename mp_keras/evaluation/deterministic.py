"""A network without its noise: one pass instead of many samples.

Each position multiplies by the softplus of the noise's mean instead of a
sample of it (MetaPerturb, eq. (1) without its noise), with the scale of the
moving statistics. The trap: this is one point of what Monte Carlo averages,
not that average (Algorithm 2, line 10); its probabilities differ a little, and
it is meant for where a single, exactly repeatable pass is wanted, such as
another runtime.
"""

import keras

from mp_keras.baselines import information_dropout
from mp_keras.baselines import monte_carlo_dropout
from mp_keras.evaluation import monte_carlo
from mp_keras.graphs import graph_reading
from mp_keras.graphs import model_copy
from mp_keras.perturbation import layer as layer_module


def deterministic(model: keras.Model) -> keras.Model:
    """Returns a copy of a network that draws no noise in test.

    A `MetaPerturbLayer` takes the mean of its noise (`stochastic=False`), a
    `MonteCarloDropout` drops nothing, an `InformationDropout` takes the median
    of its noise, which is 1. All else is copied as it is, with its
    weights; layers that are noisy in training alone stay so.

    Args:
        model: Functional or built Sequential `keras.Model`; layers of nested
            models are found as well.

    Raises: ValueError, if `model` is subclassed or unbuilt, or a layer that is
        noisy in test is of a kind whose mean is not known.

    >>> import mp_keras
    >>> phi = mp_keras.PerturbationFunction(seed=0)
    >>> noisy = mp_keras.networks.Conv4(5, (32, 32, 3), perturbation=phi)
    >>> [layer.stochastic for layer in deterministic(noisy).layers
    ...  if isinstance(layer, mp_keras.MetaPerturbLayer)]
    [False, False, False, False]
    """
    if not graph_reading.is_graph(model) or not model.built:
        raise ValueError(
            "Argument `model` must be a functional or built Sequential "
            f"keras.Model. Received: model={model!r}"
        )
    copy = model_copy.ModelCopy({}, None).copy(model)
    for noisy in monte_carlo.noisy_layers(copy):
        _silence(noisy)
    return copy


def _silence(layer):
    if isinstance(layer, layer_module.MetaPerturbLayer):
        layer.stochastic = False
    elif isinstance(layer, monte_carlo_dropout.MonteCarloDropout):
        layer.rate = 0.0  # its mean: units are scaled by 1 / (1 - rate)
    elif isinstance(layer, information_dropout.InformationDropout):
        layer.noisy_in_test = False
    else:
        raise ValueError(
            "Argument `model` must have no other noise in test than that of "
            "MetaPerturbLayer, MonteCarloDropout and InformationDropout. "
            f"Received: layer {layer.name} of type {type(layer).__name__}"
        )
