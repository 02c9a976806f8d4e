"""What Meta Dropout's figures need of a trained cell.

    episode_robustness   accuracy under FGSM, per norm and epsilon  figure 5
    decision_boundary    features around the boundary of 2 classes  figure 4
    activations          of one block, with noise and without       figure 7
    reconstructions      images that a decoder makes of features    figure 6
    convergence          loss and accuracy on validation classes    ours

Each is a function from a `FewShotRun` and settings to what JSON can hold. All
methods are shown the same test episodes.
"""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from mp_keras.few_shot import activations
from mp_keras.few_shot import decision_boundary
from mp_keras.few_shot import fgsm
from pipeline import intervals
from pipeline.datasets import few_shot
from pipeline.experiments import decoder as decoder_module
from pipeline.experiments import groups
from pipeline.runs import run_folder
from pipeline.trainings import few_shot_episodes
from pipeline.trainings import few_shot_evaluation


class FewShotRun:
    """A finished run: its learner and its data, loaded when asked for.

    Args:
        config: Config of `configs/few_shot/`.
        folder: Path of the run.
        data_dir: Where TFDS keeps prepared data sets, or None (default).
        read: Function that reads data, as `few_shot.load_class_images`
            (default).
    """

    def __init__(
        self, config, folder, data_dir=None, read=few_shot.load_class_images
    ):
        self.config = config
        self.folder = folder
        self.data_dir = data_dir
        self.read = read

    def learner(self):
        return few_shot_evaluation.load_learner(self.folder)[0]

    @functools.cached_property
    def data(self):
        return few_shot_episodes.load_data(
            self.config, self.data_dir, self.read
        )

    def episodes(self, count, config=None):
        """Yields test episodes: support, query, each with labels, a seed."""
        found = few_shot_episodes.fixed_episodes(
            config or self.config, self.data.test, count
        )
        for batch in found:
            yield tuple(part[0] for part in batch)

    def episode(self, number, queries=0):
        """Returns one test episode.

        Args:
            number: Int >= 0, which one.
            queries: Int >= 0: so many of each class; 0: as in the test.
        """
        config = self.config.copy_and_resolve_references()
        if queries:
            config.update(queries=queries, queries_per="class")
        (*_, last) = self.episodes(number + 1, config)
        return last


def _episode_robustness(run, radii=None, episodes=100):
    """{norm: {"epsilons": [...], "accuracy": [...], "half_width": [...]}}."""
    if not radii:
        raise ValueError(
            "Config key `measures.episode_robustness.radii` must hold the "
            "epsilons of each norm. Received: none"
        )
    learner = run.learner()

    def attacked(support, support_labels, query, query_labels, seed):
        adapted, _ = learner.adapt(
            learner.values(), support, support_labels, seed, run.config.samples
        )
        return fgsm.robust_accuracy(
            learner, adapted, query, query_labels, radii
        )

    attacked = tf.function(attacked, autograph=False)
    found = [attacked(*episode) for episode in run.episodes(episodes)]
    measured = {}
    for norm, epsilons in radii.items():
        shares = np.array([each[norm].numpy() for each in found])
        spreads = [intervals.interval(column) for column in shares.T]
        measured[norm] = {
            "epsilons": list(epsilons),
            "accuracy": [spread["mean"] for spread in spreads],
            "half_width": [spread["half_width"] for spread in spreads],
        }
    return measured


def _decision_boundary(run, episode=0, steps=None, copies=10, queries=10):
    """A dict of `BoundaryView`'s fields per step, of two random classes."""
    support, support_labels, query, query_labels, seed = run.episode(
        episode, queries
    )
    rng = np.random.default_rng(seed.numpy())
    classes = rng.choice(run.config.ways, 2, replace=False)
    learner = run.learner()
    views = decision_boundary.view_boundaries(
        learner,
        learner.values(),
        (support, support_labels),
        (query, query_labels),
        seed,
        tuple(classes.tolist()),
        steps=steps,
        copies=copies,
        samples=run.config.samples,
    )
    return [groups.plain(dataclasses.asdict(view)) for view in views]


def _activations(run, episode=0, block=0, images=4, copies=10):
    """Images of an episode, and of each its strongest channel alone.

    The weights are those of the first inner step.
    """
    support, *_, seed = run.episode(episode)
    learner = run.learner()
    view = activations.view_activations(
        learner.network, learner.values(), support, block, seed, copies
    )
    shown = range(min(images, len(support)))
    channels = [view.strongest_channel(number) for number in shown]
    return {
        "images": support.numpy()[shown].tolist(),
        **{
            key: np.stack(
                [
                    array[..., number, :, :, channels[number], None]
                    for number in shown
                ],
                axis=-4,
            ).tolist()
            for key, array in dataclasses.asdict(view).items()
        },
    }


def _reconstructions(
    run,
    episode=0,
    block=2,
    images=4,
    copies=5,
    training_images=2000,
    epochs=20,
    filters=32,
):
    """Images of an episode, and what a decoder makes of their features."""
    support, *_, seed = run.episode(episode)
    learner = run.learner()
    pixels = run.data.train.images
    rng = np.random.default_rng(run.config.data.seed)
    chosen = rng.permutation(len(pixels))[:training_images]
    decoder = decoder_module.train_decoder(
        learner.network,
        learner.values(),
        pixels[chosen].astype("float32") / 255,
        block=block,
        epochs=epochs,
        filters=filters,
        seed=run.config.data.seed,
    )
    view = activations.view_activations(
        learner.network, learner.values(), support, block, seed, copies
    )
    return {
        "images": support.numpy()[:images].tolist(),
        "unperturbed": _decoded(decoder, view.unperturbed[:images]),
        "expected": _decoded(decoder, view.expected[:images]),
        "stochastic": [
            _decoded(decoder, copy[:images]) for copy in view.stochastic
        ],
    }


def _decoded(decoder, features):
    return decoder(features).numpy().tolist()


def _convergence(run):
    history = run_folder.RunFolder(run.folder, run.config.to_dict()).history()
    windows = [window for window in history if "validation_loss" in window]
    if not windows:
        raise ValueError(
            "Convergence needs runs with config key `validation_episodes` "
            "above 0 and without `data.train_on_validation`. "
            f"Received: {run.folder} without"
        )
    return {
        "part": "validation",
        "steps": [window["step"] for window in windows],
        "loss": [window["validation_loss"] for window in windows],
        "accuracy": [100 * window["validation_accuracy"] for window in windows],
    }


MEASURES = {
    "convergence": _convergence,
    "episode_robustness": _episode_robustness,
    "decision_boundary": _decision_boundary,
    "activations": _activations,
    "reconstructions": _reconstructions,
}
