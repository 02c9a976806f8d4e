"""A network without its noise: one pass instead of many samples.

Each position multiplies by the expectation of the noise instead of a sample of
it (MetaPerturb, eq. (1)), with the scale of the moving statistics. The trap:
the network of mean noise is not the mean of noisy networks (Algorithm 2, line
10). Images, without labels, bring the one near the other:

    copy    = network with expected noise
    norms   = batch norms of the copy, set to put out what they put out with
              noise                                     # noise_compensation
    learned = scales and shifts of batch norms and the last layer of the copy,
              towards the Monte Carlo mean                     # distillation
"""

import keras
import numpy as np

from mp_keras import class_outputs
from mp_keras.baselines import information_dropout
from mp_keras.baselines import monte_carlo_dropout
from mp_keras.evaluation import distillation
from mp_keras.evaluation import model_inputs
from mp_keras.evaluation import monte_carlo
from mp_keras.evaluation import noise_compensation
from mp_keras.graphs import graph_reading
from mp_keras.graphs import model_copy
from mp_keras.perturbation import MetaPerturbLayer


def deterministic(
    model: keras.Model,
    images: np.ndarray | None = None,
    samples: int = 2,
    mixtures: int = 10_000,
    seed: int = 0,
) -> keras.Model:
    """Returns a copy of a network that draws no noise in test.

    A `MetaPerturbLayer` takes the mean of its noise (`stochastic=False`), a
    `MonteCarloDropout` drops nothing, an `InformationDropout` takes the median
    of its noise, which is 1. All else is copied as it is, with its
    weights; layers that are noisy in training alone stay so.

    Args:
        model: Functional or built Sequential `keras.Model`; layers of nested
            models are found as well.
        images: Array `(examples, height, width, channels)`, preprocessed as in
            training, a few hundred of the training's or like them; or None
            (default): then the copy keeps all weights of the network, and
            answers worse than its Monte Carlo mean. With images, `model` ends
            in logits, and has one input. A model without noise in test is
            copied as it is.
        samples: Int >= 1, default 2: noise samples of what the copy learns
            from, a mean that is right on average with any number.
        mixtures: Int >= 0, default 10,000: mixtures of two images that the
            copy learns on; a tenth as many say when to stop. 0: its batch
            norms are set, and it learns nothing.
        seed: Int >= 0, default 0: of noise and mixtures.

    Raises: ValueError, if `model` is subclassed or unbuilt, or a layer that is
        noisy in test is of a kind whose mean is not known; with images, as
        `monte_carlo_predict`.

    >>> import mp_keras
    >>> phi = mp_keras.PerturbationFunction(seed=0)
    >>> noisy = mp_keras.networks.Conv4(5, (32, 32, 3), perturbation=phi)
    >>> [layer.stochastic for layer in deterministic(noisy).layers
    ...  if isinstance(layer, mp_keras.MetaPerturbLayer)]
    [False, False, False, False]
    """
    graph_reading.check_built_graph(model)
    inputs = graph_reading.view(model).input
    names = [tensor.name for tensor in model.inputs]
    if images is not None and (isinstance(inputs, dict) or len(names) > 1):
        raise ValueError(
            "Argument `images` must be None for a model that takes a dict or "
            f"several inputs. Received: model {model.name}, which takes {names}"
        )
    copy = model_copy.ModelCopy({}, None).copy(model)
    silenced = monte_carlo.noisy_layers(copy)
    for noisy in silenced:
        _silence(noisy)
    if images is not None and silenced:
        class_outputs.check_logits(model)
        images, _ = model_inputs.check(images, seed)
        # A copy, whose noise begins anew: that of the model stays where it is.
        sampled = model_copy.ModelCopy({}, None).copy(model)
        noise_compensation.compensate(copy, sampled, images)
        if mixtures:
            distillation.distil(copy, model, images, samples, mixtures, seed)
    return copy


def _silence(layer):
    if isinstance(layer, MetaPerturbLayer):
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
