"""Predictions and input gradients that are averaged over the noise.

What an attack needs (MetaPerturb, figures 5 and 8): images are pixels in
[0, 1], the gradient goes through normalization, network and noise. With `r`
the log odds against the label, `p = sigmoid(-r)`, and for noise samples k

    d mean_k p_k / d images = - sum_k p_k (1 - p_k) d r_k / d images  / samples

The trap: float32 rounds the probabilities of a confident network to 1, and
their gradient to 0. So the sum is taken with weights `p_k (1 - p_k)` in the
log domain, up to one positive factor an example, and never vanishes.
"""

import numpy as np
import tensorflow as tf

from mp_keras import error_texts
from mp_keras import preprocessing
from mp_keras.evaluation import monte_carlo

FIRST_DRAW = 1_000_000  # the gradients' noise is none of the predictions'


def mean_probabilities(model, samples, normalize=True):
    """Returns a traced function from (pixels, seed) to mean probabilities.

    Args:
        model: `keras.Model` from images to logits.
        samples: Int >= 1: noise samples, a single one without noise.
        normalize: Bool, default True: whether the model takes images
            normalized to [-1, 1]; else it takes pixels from 0 to 255.

    The function takes pixels `(batch, height, width, channels)` in [0, 1] and
    an integer scalar tensor; it returns `(batch, classes)`.
    """
    averaged = monte_carlo.MonteCarloClassifier(model, samples)
    return tf.function(
        lambda pixels, seed: averaged.average(
            _prepared(pixels, normalize), seed, averaged.samples
        ),
        reduce_retracing=True,
    )


def mean_gradient(model, samples, normalize=True):
    """Returns a traced function to the gradient against the label.

    Args:
        model, samples, normalize: As for `mean_probabilities`.

    The function takes pixels `(batch, height, width, channels)` in [0, 1],
    int32 labels `(batch,)` and the integer scalar tensors seed and step, both
    of which decide the noise. It returns the direction, shaped like the
    pixels, in which the label's mean probability falls fastest; its length
    has no meaning. Memory does not grow with the samples.
    """
    noisy = monte_carlo.MonteCarloClassifier(model, samples, from_logits=False)

    @tf.function(reduce_retracing=True, autograph=False)
    def gradient(pixels, labels, seed, step):
        def add(index, total, top):
            draw = FIRST_DRAW + step * noisy.samples + index
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(pixels)
                images = _prepared(pixels, normalize)
                logits = noisy.sample(images, seed, draw)
                odds = _log_odds_against(logits, labels)
            direction = tape.gradient(
                odds, pixels, unconnected_gradients="zero"
            )
            log_weight = tf.math.log_sigmoid(odds) + tf.math.log_sigmoid(-odds)
            new_top = tf.maximum(top, log_weight)
            old, new = tf.exp(top - new_top), tf.exp(log_weight - new_top)
            total = total * old[:, None, None, None]
            total += direction * new[:, None, None, None]
            return index + 1, total, new_top

        _, total, _ = tf.while_loop(
            lambda index, *_: index < noisy.samples,
            add,
            (0, tf.zeros_like(pixels), tf.fill(tf.shape(labels), -np.inf)),
        )
        return total

    return gradient


def check_gradient(gradient, model, pixels, labels):
    """Says so, if a model cannot be attacked.

    Args:
        gradient: What `mean_gradient` returned for the model.
        model: `keras.Model`, named in the error.
        pixels: Tensor `(batch, height, width, channels)` in [0, 1].
        labels: int32 tensor `(batch,)`.

    Raises: ValueError, if the gradient of all these images is zero, not
        finite or not defined.
    """
    received = "gradients that are zero or not finite"
    try:
        zero = tf.constant(0)
        direction = gradient(pixels, labels, zero, zero).numpy()
        found = bool(np.all(np.isfinite(direction)) and np.any(direction))
    except LookupError as error:  # an operation without a derivative
        found, received = False, error_texts.brief(error)
    if not found:
        raise ValueError(
            f"Model `{model.name}` must depend differentiably on its images: "
            f"an attack follows the gradient. Received: {received}"
        )


def _log_odds_against(logits, labels):
    """Returns log((1 - p) / p), `(batch,)`, of the labels' probabilities."""
    truth = tf.one_hot(labels, logits.shape[-1], True, False)
    others = tf.reduce_logsumexp(tf.where(truth, -np.inf, logits), axis=1)
    return others - tf.gather(logits, labels, batch_dims=1)


def _prepared(pixels, normalize):
    """Returns pixels in [0, 1] as a model takes them."""
    images = 255.0 * pixels
    return preprocessing.normalize(images) if normalize else images
