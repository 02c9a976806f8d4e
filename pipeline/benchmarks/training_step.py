"""A step of target training: plain, perturbed, and the authors' beside it.

Runs on any backend of Keras. The images are random and stay the same: what is
measured is forward pass, backward pass and update (MetaPerturb, Algorithm 2),
not the input.
"""

import keras
import numpy as np

import mp_keras
from pipeline.benchmarks import authors
from pipeline.benchmarks import interleaving
from pipeline.trainings import networks

_CLASSES = 10


def measure(
    network,
    image_size,
    batch_size,
    rounds,
    phi_options=None,
    against=None,
    python="",
):
    """Returns times and ratios of one training step.

    Args:
        network: Str, a name of pipeline/trainings/networks.py.
        image_size: Int, pixels.
        batch_size: Int, examples.
        rounds: Int, steps of each kind, in turn.
        phi_options: Dict, as `mp_keras.PerturbationFunction`, or None.
        against: Path of the authors' repository, or None.
        python: Path of the interpreter for it.

    Returns: dict: for `plain` and `perturbed`, and `authors_plain`,
        `authors_perturbed`, what `interleaving.milliseconds` returns; `ratio`
        of perturbed to plain; `authors_ratio`, theirs; `to_authors`, ratio of
        our perturbed step to theirs; `backend`.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from pipeline.runs import runtime

        runtime.configure(0)  # as every training of ours
    generator = np.random.default_rng(0)
    shape = (batch_size, image_size, image_size, 3)
    images = keras.ops.convert_to_tensor(
        generator.uniform(-1, 1, shape).astype("float32")
    )
    labels = keras.ops.convert_to_tensor(
        generator.integers(_CLASSES, size=batch_size)
    )
    phi = mp_keras.PerturbationFunction(seed=0, **(phi_options or {}))
    actions = {
        "plain": _step(network, image_size, None, images, labels),
        "perturbed": _step(network, image_size, phi, images, labels),
    }
    sizes = {"image_size": image_size, "batch_size": batch_size}
    with authors.steps(against, python, network=network, **sizes) as theirs:
        for name in theirs.keys() & actions.keys():
            actions[f"authors_{name}"] = theirs[name]
        seconds = interleaving.measure(actions, rounds)
    measured = {
        name: interleaving.milliseconds(each) for name, each in seconds.items()
    }
    ratio = interleaving.ratio
    measured["ratio"] = ratio(seconds["perturbed"], seconds["plain"])
    if theirs:
        perturbed = seconds["authors_perturbed"]
        measured["authors_ratio"] = ratio(perturbed, seconds["authors_plain"])
        measured["to_authors"] = ratio(seconds["perturbed"], perturbed)
    return {**measured, "backend": backend}


def _step(network, image_size, perturbation, images, labels):
    model = networks.make_network(
        network, _CLASSES, image_size, perturbation, seed=0
    )
    model.compile(
        mp_keras.AdamL2(1e-3, l2=5e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    def step():
        model.train_on_batch(images, labels)  # returns the loss: it is done

    return step
