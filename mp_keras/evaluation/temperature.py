"""Temperature scaling: calibration by one number, from validation data.

Guo et al., ICML 2017, section 4.2, for probabilities that are averaged over
noise samples k (MetaPerturb, Algorithm 2, line 10):

    p(T) = mean over k of softmax(logits_k / T)
    T    = argmin of the mean of -(1 - e) log p(T)[y] - e log(1 - p(T)[y])
    e    = 1/2 / (examples + 1)

With e = 0 that would be the likelihood. The traps: few validation images may
all be right, and the likelihood then wants infinite sureness; half an error
more than there are, as Krichevsky and Trofimov (1981) estimate a share, ends
that (Platt, 1999, takes a whole one). And to divide the logarithm of the mean
instead is another model, which no network with a last layer computes.
"""

import typing

import keras
import numpy as np
from keras import ops

from mp_keras import annotations
from mp_keras import class_outputs
from mp_keras.evaluation import metrics
from mp_keras.evaluation import monte_carlo
from mp_keras.graphs import graph_reading

BOUNDS = (0.05, 20.0)  # of the temperatures that are looked through
_NAME = "temperature"
_ROUNDS = 6
_POINTS = 17  # of a round; the next one looks between the best's neighbours


@keras.saving.register_keras_serializable(package="mp_keras")
class Temperature(keras.layers.Layer):
    """Divides logits by a number: the last layer of a calibrated classifier.

    Args:
        temperature: Float > 0, default 1. Above 1 makes a classifier less
            sure; the most probable class of one pass stays the same.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(batch, classes)`, logits.

    Output shape: that of `inputs`. Weights: none.
    Raises: ValueError, if `temperature` is not positive.

    >>> float(Temperature(2.0)(keras.ops.ones((1, 3)))[0, 0])
    0.5

    Reference: Guo et al., ICML 2017, section 4.2.
    """

    def __init__(self, temperature: float = 1.0, **kwargs: typing.Any) -> None:
        super().__init__(**kwargs)
        if not 0 < temperature < float("inf"):
            raise ValueError(
                "Argument `temperature` must be positive. "
                f"Received: temperature={temperature}"
            )
        self.temperature = float(temperature)

    def call(self, inputs):
        return inputs / self.temperature

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}


def fit_temperature(
    model: keras.Model,
    images: np.ndarray,
    labels: annotations.Array,
    samples: int = 30,
    batch_size: int = 128,
    seed: int = 0,
) -> keras.Model:
    """Returns the classifier with the temperature of the best likelihood.

    Half an error more than `labels` show is reckoned with, so that images that
    are all right do not make it infinitely sure. The layers are those of
    `model`, not copies. A temperature that it ends in is replaced.

    Args:
        model: Functional or built Sequential `keras.Model` from images to
            logits.
        images: Array `(examples, height, width, channels)`, preprocessed as
            in training; none of the training's.
        labels: Integer array `(examples,)`.
        samples: Int >= 1, default 30: noise samples whose mean is fitted.
        batch_size: Int, default 128.
        seed: Int >= 0, default 0: of the noise.

    Returns: a functional model that ends in `Temperature`; its temperature, in
        [0.05, 20], is `temperature_of` it.
    Raises: ValueError, if `model` is none of these or ends in probabilities,
        or images and labels do not belong together; FloatingPointError, if a
        logit is not finite.
    """
    plain = without_temperature(model)
    logits = monte_carlo.sample_logits(plain, images, samples, batch_size, seed)
    # Says what is wrong with the labels, or with logits that are not finite.
    _, truth = metrics.check_predictions(_softmax(logits[0]), labels)
    return with_temperature(plain, _best(logits, truth))


def best_loss(logits, labels):
    """Returns the negative log-likelihood at the best temperature, in nats.

    Args:
        logits: Array `(examples, classes)`.
        labels: Integer array `(examples,)`.
    """
    logits = np.asarray(logits)[None]
    own = _log_probabilities(logits, labels, _best(logits, labels))
    return float(-np.mean(own))


def with_temperature(model, temperature):
    """Returns the model over the same layers that ends in a temperature.

    Args, raises: as `fit_temperature` and `Temperature`.
    """
    plain = without_temperature(model)
    logits = plain.outputs[0]
    # Not in half precision, of which a network's last layer may be free.
    dtype = keras.backend.result_type(logits.dtype, "float32")
    scaled = Temperature(temperature, name=_NAME, dtype=dtype)(logits)
    inputs = graph_reading.view(plain).input
    return keras.Model(inputs, scaled, name=model.name)


def without_temperature(model):
    """Returns the model over the same layers without a last temperature.

    Raises: ValueError, if `model` is no functional or built Sequential one, or
        ends in probabilities.
    """
    graph_reading.check_built_graph(model)
    class_outputs.check_logits(model)
    if temperature_of(model) is None:
        return model
    layer, node, _ = model.outputs[0]._keras_history
    logits = layer._inbound_nodes[node].input_tensors[0]
    inputs = graph_reading.view(model).input
    return keras.Model(inputs, logits, name=model.name)


def temperature_of(model):
    """Returns the temperature that a functional model ends in, or None."""
    last = model.outputs[0]._keras_history.operation
    return last.temperature if isinstance(last, Temperature) else None


def _best(logits, labels):
    """Returns the temperature of the best likelihood within `BOUNDS`.

    The likelihood of a mean over samples may have several peaks: every round
    looks at a whole range.
    """
    low, high = np.log(BOUNDS)
    for _ in range(_ROUNDS):
        points = np.linspace(low, high, _POINTS)
        losses = [_loss(logits, labels, np.exp(point)) for point in points]
        best = int(np.argmin(losses))
        low, high = points[max(best - 1, 0)], points[min(best + 1, _POINTS - 1)]
    return float(np.exp(points[best]))


def _loss(logits, labels, temperature):
    """Returns what a temperature is to make small, see above, in nats."""
    own = _log_probabilities(logits, labels, temperature)
    error = 0.5 / (len(labels) + 1)
    with np.errstate(divide="ignore"):  # nobody is that sure: infinite
        others = np.log(-np.expm1(own))
    return -np.mean((1 - error) * own + error * others)


def _log_probabilities(logits, labels, temperature):
    """Returns the logarithm of the labels' probabilities, `(examples,)`.

    Args:
        logits: Array `(samples, examples, classes)`.
        labels: Integer array `(examples,)`.
        temperature: Float.
    """
    rows = np.arange(len(labels))
    logs = [
        scaled[rows, labels] - np.logaddexp.reduce(scaled, axis=1)
        for scaled in (sample / temperature for sample in logits)
    ]  # of (examples,) each
    means = np.logaddexp.reduce(logs, axis=0) - np.log(len(logs))
    return np.minimum(means, 0.0)  # rounded, it may be above


def _softmax(logits):
    return ops.convert_to_numpy(ops.softmax(logits))
