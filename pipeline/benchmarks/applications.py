"""What φ costs in the networks of `keras.applications`: a training step.

for each network: plain and perturbed step in turn, on the same images
"""

import keras
import numpy as np

import mp_keras
from pipeline.benchmarks import interleaving
from pipeline.runs import runtime

_CLASSES = 10


def measure(networks, batch_size, rounds):
    """Returns times and ratios of a training step of each network.

    Args:
        networks: Dict from the name of a network of `keras.applications` to
            the height and width of its images in pixels.
        batch_size: Int, examples.
        rounds: Int, steps of each kind, in turn.

    Returns: {name: dict} with `positions`, how many there are, `image_size`,
        `plain` and `perturbed`, as `interleaving.milliseconds` returns them,
        and `ratio` of the two.
    """
    runtime.configure(0)  # as every training of ours
    return {
        name: _measure_one(name, size, batch_size, rounds)
        for name, size in networks.items()
    }


def _measure_one(name, size, batch_size, rounds):
    keras.backend.clear_session()
    shape = (size, size, 3)
    plain = getattr(keras.applications, name)(
        weights=None,
        classes=_CLASSES,
        input_shape=shape,
        classifier_activation=None,
    )
    phi = mp_keras.PerturbationFunction(seed=0)
    perturbed = mp_keras.perturb_model(plain, phi, seed=0)
    generator = np.random.default_rng(0)
    images = keras.ops.convert_to_tensor(
        generator.uniform(-1, 1, (batch_size, *shape)).astype("float32")
    )
    labels = keras.ops.convert_to_tensor(
        generator.integers(_CLASSES, size=batch_size)
    )
    seconds = interleaving.measure(
        {
            "plain": _step(plain, images, labels),
            "perturbed": _step(perturbed, images, labels),
        },
        rounds,
    )
    return {
        "positions": len(mp_keras.find_positions(plain)),
        "image_size": size,
        **{
            each: interleaving.milliseconds(times)
            for each, times in seconds.items()
        },
        "ratio": interleaving.ratio(seconds["perturbed"], seconds["plain"]),
    }


def _step(model, images, labels):
    model.compile(
        mp_keras.AdamL2(1e-3, l2=5e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    def step():
        model.train_on_batch(images, labels)  # returns the loss: it is done

    return step
