"""What MetaPerturb's figures need of a trained cell.

    convergence    the history of the run                       figure 4
    robustness     accuracy under PGD, per norm and radius      figures 5, 8
    reliability    accuracy per bin of the confidence           figures 5, 9
    scale          s of every position and channel              figure 6
    loss_surface   training loss around the weights             figure 7
    feature_maps   before φ, noise, after φ, at every position  figure 10

Each is a function from a `TargetRun` and settings to what JSON can hold.
"""

import numpy as np

import mp_keras
from mp_keras.evaluation import attacks
from mp_keras.evaluation import inspection
from mp_keras.evaluation import loss_surface
from mp_keras.evaluation import monte_carlo
from mp_keras.evaluation import reliability
from pipeline import datasets
from pipeline.runs import run_folder
from pipeline.trainings import methods
from pipeline.trainings import target_data
from pipeline.trainings import target_training


class TargetRun:
    """A finished run: its model and its data, loaded when they are asked for.

    Args:
        target: Target config.
        folder: Path of the run.
        data_dir: Where TFDS keeps prepared data sets, or None (default).
        read: Function that reads data, as `datasets.load_images` (default).
    """

    def __init__(
        self, target, folder, data_dir=None, read=datasets.load_images
    ):
        self.target = target
        self.folder = folder
        self.data_dir = data_dir
        self.read = read

    def model(self):
        return methods.load_network(self.folder)

    def data(self):
        return target_data.load_data(
            self.target, self.data_dir, read=self.read
        )[0]


def _convergence(run):
    history = run_folder.RunFolder(run.folder, run.target.to_dict()).history()
    windows = [window for window in history if "test_loss" in window]
    if not windows:
        raise ValueError(
            "Convergence needs runs with config key `track_test`. "
            f"Received: {run.folder} without"
        )
    return {
        "steps": [window["step"] for window in windows],
        "loss": [window["test_loss"] for window in windows],
        "accuracy": [window["test_accuracy"] for window in windows],
    }


def _robustness(
    run,
    epsilons=None,
    steps=200,
    gradient_samples=(1, 10),
    images=50,
    samples=30,
):
    """{norm: {gradient samples: {"epsilons": [...], "accuracy": [...]}}}."""
    if not epsilons:
        raise ValueError(
            "Config key `measures.robustness.epsilons` must hold the radii of "
            "each norm. Received: none"
        )
    model, data = run.model(), run.data()
    chosen = _spread(len(data.test_labels), images)
    noisy = bool(monte_carlo.noisy_layers(model))
    measured = {}
    for norm, radii in epsilons.items():
        for count in gradient_samples:
            if measured.get(norm) and not noisy:  # the same attack again
                (first, *_) = measured[norm].values()
                measured[norm][str(count)] = first
                continue
            accuracy = attacks.robust_accuracy(
                model,
                data.test_images[chosen],
                data.test_labels[chosen],
                norm,
                radii,
                steps=steps,
                gradient_samples=count,
                samples=samples,
            )
            measured.setdefault(norm, {})[str(count)] = {
                "epsilons": list(accuracy),
                "accuracy": list(accuracy.values()),
            }
    return measured


def _reliability(run, bins=15):
    data = run.data()
    probabilities = target_training.predict(
        run.model(), data.test_images, run.target.samples
    )
    curve = reliability.reliability_curve(probabilities, data.test_labels, bins)
    return {  # empty bins hold NaN, which JSON has not
        "count": np.asarray(curve.count).tolist(),
        "confidence": np.nan_to_num(curve.confidence).tolist(),
        "accuracy": np.nan_to_num(curve.accuracy).tolist(),
    }


def _scale(run):
    shown = mp_keras.normalize(run.data().test_images[:1])
    views = inspection.inspect_positions(run.model(), shown)
    return [view.scale.tolist() for view in views]


def _loss_surface(run, radius=1.0, points=11, images=256, samples=5):
    data = run.data()
    chosen = _spread(len(data.train_labels), images)
    surface = loss_surface.loss_surface(
        run.model(),
        np.asarray(mp_keras.normalize(data.train_images[chosen])),
        data.train_labels[chosen],
        radius=radius,
        points=points,
        samples=samples,
    )
    return {
        "offsets": surface.offsets.tolist(),
        "losses": surface.losses.tolist(),
    }


def _feature_maps(run, image=0):
    """The image, and of every position the strongest channel alone."""
    pixels = run.data().test_images[image : image + 1]
    shown = mp_keras.normalize(pixels)
    measured = []
    for view in inspection.inspect_positions(run.model(), shown):
        channel = view.strongest_channel()
        measured.append(
            {
                "name": view.name,
                "features": view.features[:1, :, :, channel].tolist(),
                "noise": view.noise[:1, :, :, channel].tolist(),
                "outputs": view.outputs[:1, :, :, channel].tolist(),
                "scale": float(view.scale[channel]),
                "noise_coefficient": view.noise_coefficient,
            }
        )
    return {"image": pixels[0].tolist(), "positions": measured}


MEASURES = {
    "convergence": _convergence,
    "robustness": _robustness,
    "reliability": _reliability,
    "scale": _scale,
    "loss_surface": _loss_surface,
    "feature_maps": _feature_maps,
}


def _spread(count, wanted):
    """Returns `wanted` of `count` indices, evenly spread; 0 means all."""
    if not wanted or wanted >= count:
        return np.arange(count)
    return np.linspace(0, count - 1, wanted).round().astype(int)
