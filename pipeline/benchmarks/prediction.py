"""Monte Carlo prediction against one plain forward pass."""

import math
import resource

import numpy as np

import mp_keras
from mp_keras.evaluation import monte_carlo
from pipeline.benchmarks import interleaving
from pipeline.runs import runtime
from pipeline.trainings import networks

_CLASSES = 10


def measure(
    network,
    image_size,
    batch_size,
    examples,
    samples,
    rounds,
    phi_options=None,
):
    """Returns times, ratio and peak memory of prediction.

    Args:
        network: Str, a name of pipeline/trainings/networks.py.
        image_size: Int, pixels.
        batch_size: Int, examples of one pass.
        examples: Int, images of a call.
        samples: Int, noise samples.
        rounds: Int, calls of each kind, in turn.
        phi_options: Dict, as `mp_keras.PerturbationFunction`, or None.

    Returns: dict: `plain` (one pass of the plain network) and `monte_carlo`
        (all samples of the perturbed one), as `interleaving.milliseconds`;
        `ratio`, of one sample to one plain pass; `growth_mb`, by how much
        (10^6 bytes) the peak memory of a plain prediction is exceeded, and
        `more_samples_growth_mb`, by how much twice the samples exceed that;
        `growth_in_maps`, the first as a multiple of the largest feature map
        with noise, one batch in float32.
    """
    runtime.configure(0)
    shape = (examples, image_size, image_size, 3)
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
    phi = mp_keras.PerturbationFunction(seed=0, **(phi_options or {}))
    plain, perturbed = (
        networks.make_network(network, _CLASSES, image_size, each, seed=0)
        for each in (None, phi)
    )

    def predict(model, count):
        mp_keras.monte_carlo_predict(
            model, images, samples=count, batch_size=batch_size
        )

    once = mp_keras.MonteCarloClassifier(plain)
    many = mp_keras.MonteCarloClassifier(perturbed, samples)
    seeds = np.zeros(examples, "int32")
    actions = {
        "plain": lambda: once.predict((images, seeds), batch_size, verbose=0),
        "monte_carlo": lambda: many.predict(
            (images, seeds), batch_size, verbose=0
        ),
    }
    predict(plain, 1)
    before = _peak_mb()
    predict(perturbed, samples)
    peak = _peak_mb()
    predict(perturbed, 2 * samples)
    doubled = _peak_mb()
    seconds = interleaving.measure(actions, rounds, warm_up=1)
    one_sample = [each / samples for each in seconds["monte_carlo"]]
    return {
        **{
            name: interleaving.milliseconds(each)
            for name, each in seconds.items()
        },
        "ratio": interleaving.ratio(one_sample, seconds["plain"]),
        "growth_mb": peak - before,
        "growth_in_maps": (peak - before)
        / _largest_map_mb(perturbed, batch_size),
        "more_samples_growth_mb": doubled - peak,
    }


def _largest_map_mb(network, batch_size):
    numbers = max(
        math.prod(layer.output.shape[1:])
        for layer in monte_carlo.noisy_layers(network)
    )
    return 4 * batch_size * numbers / 1e6


def _peak_mb():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
