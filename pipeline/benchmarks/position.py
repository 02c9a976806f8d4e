"""One position by itself, part by part, forward and backward.

φ is frozen, as in target training: gradients go to the features alone.
"""

import keras
import tensorflow as tf

import mp_keras
from mp_keras import normal_draws
from mp_keras.perturbation import function
from pipeline.benchmarks import interleaving
from pipeline.runs import runtime


def measure(shapes, batch_size, rounds):
    """Returns the milliseconds of each part at each shape.

    Args:
        shapes: Dict from name to [height, channels] of a feature map.
        batch_size: Int, examples.
        rounds: Int, calls of each part, in turn.

    Returns: dict from name of the shape to a dict from part to what
        `interleaving.milliseconds` returns. Parts: `noise_mean`; `draws`,
        `draws_exact`, `draws_keras` (of the table, by Box-Muller, by Keras);
        `multiply` (softplus, scale and noise into the features, clip);
        `scale`; `position` (the whole layer).
    """
    runtime.configure(0)
    return {
        name: _measure_one((batch_size, height, height, channels), rounds)
        for name, (height, channels) in shapes.items()
    }


def _measure_one(shape, rounds):
    features = tf.random.stateless_normal(shape, (0, 1))
    scale = tf.random.stateless_uniform(shape[-1:], (0, 2))
    actions = {
        name: _traced(part, features, scale)
        for name, part in _parts(shape).items()
    }
    seconds = interleaving.measure(actions, rounds)
    return {
        name: interleaving.milliseconds(each) for name, each in seconds.items()
    }


def _parts(shape):
    """Returns functions of (features, scale) by the name of the part."""
    layer = mp_keras.MetaPerturbLayer(None, shape[-1], shape[1], seed=0)
    layer.build(shape)
    phi = layer.perturbation
    seed = keras.random.SeedGenerator(0)

    def infer_scale(features, scale):
        statistics = function.batch_statistics(phi.channel_features(features))
        return layer.scale(shape[1], *statistics)

    def multiply(features, scale):
        # The features stand for mean and draws, which are shaped like them.
        return function.perturb(
            features,
            phi.noise_factor(features, features),
            scale,
            layer.noise_coefficient,
            training=True,
        )

    return {
        "noise_mean": lambda features, _: phi.noise_mean(features, True),
        "draws": lambda *_: normal_draws.shared(shape, "float32", seed),
        "draws_exact": lambda *_: normal_draws.exact(shape, "float32", seed),
        "draws_keras": lambda *_: keras.random.normal(shape, seed=seed),
        "multiply": multiply,
        "scale": infer_scale,
        "position": lambda features, _: layer(features, training=True),
    }


def _traced(part, *inputs):
    @tf.function
    def run():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = part(*inputs)
        gradients = tape.gradient(outputs, inputs)
        return outputs, [each for each in gradients if each is not None]

    def action():
        run()

    return action
