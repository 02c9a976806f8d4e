"""φ by search over whole trainings: what gradients at fixed weights miss.

φ stays 82 numbers, moved along a few directions (`DIRECTIONS`)
task      10 classes x 50 images, tested on the other images of its classes
fitness   NLL after temperature minus that of tuned noise, an untrained φ
          with the best `c_max`; same initial weights, batches and crops;
          the mean over tasks, without and with Manifold Mixup
search    Optuna's TPE, `population` values at a time, short trainings
finals    the best two on more tasks and networks, long trainings
confirmed once, on classes that neither has seen
"""

import csv
import pathlib

import numpy as np
import optuna
from optuna.storages import journal

from pipeline.many_runs import networks
from pipeline.many_runs import perturbation
from pipeline.many_runs import prediction
from pipeline.many_runs import small_tasks
from pipeline.many_runs import training

# Name -> range: what a step along a direction does to φ, see `make_phi`.
DIRECTIONS = {
    "c_max": (0.1, 1.0),  # the largest noise coefficient
    "own": (-2.0, 2.0),  # μ by a channel's own activation
    "pooled": (-2.0, 2.0),  # μ by the mean over channels
    "depth": (-6.0, 6.0),  # s by the height of the map
    "statistic": (-6.0, 6.0),  # s by a channel's mean activation
}
_DEFAULTS = dict.fromkeys(DIRECTIONS, 0.0) | {"c_max": 1.0}
CONTROLS = (0.25, 0.5, 0.75, 1.0)  # `c_max` of the untrained φ


def make_phi(values):
    """Returns φ's 82 numbers at a point of the directions.

    Args:
        values: Dict from names of `DIRECTIONS` to floats; what is missing
            does nothing. With none, μ is 0 and s is 1/2 everywhere.
    """
    values = _DEFAULTS | values
    phi = {
        name: np.zeros(shape, "float32")
        for name, shape in perturbation.SHAPES.items()
    }
    phi["noise_self_1"][1, 1] = 1.0  # hidden = relu(h)
    phi["noise_self_2"][1, 1] = values["own"]
    phi["noise_all_2"][1, 1] = values["pooled"]
    phi["scale_kernels"][0, 1, 1] = 1.0  # statistic 0: mean of relu(h)
    phi["scale_head"][0] = values["statistic"]
    phi["scale_head"][9] = values["depth"]
    return phi


def search(config, workdir):
    """Searches, and returns the table of trials, finals and confirmation.

    Args:
        config: Config of `configs/studies/search.py`.
        workdir: Path of a folder; the same call goes on where it stopped.

    Raises: ValueError, FileNotFoundError, if config or data are wrong.
    """
    _check(config)
    workdir = pathlib.Path(workdir).expanduser()
    workdir.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trials = _open(workdir, config)
    tasks = small_tasks.make_tasks(
        config.data.files, config.image_size, config.tasks, 0
    )
    controls = _controls(config, tasks, config.network, config.steps)
    while (missing := config.trials - len(_finished(trials))) > 0:
        asked = [trials.ask() for _ in range(min(config.population, missing))]
        points = [
            {
                name: trial.suggest_float(name, *DIRECTIONS[name])
                for name in config.directions
            }
            for trial in asked
        ]
        losses = evaluate(config, tasks, points, config.network, config.steps)
        for trial, loss in zip(asked, losses):
            trials.tell(trial, float(np.mean(loss - controls)))
    best = sorted(_finished(trials), key=lambda trial: trial.value)
    rows = [
        {"stage": "search", "gain": -trial.value, **trial.params}
        for trial in best
    ]
    points = [trial.params for trial in best[: config.finalists]]
    for stage, files in (
        ("final", config.data.files),
        ("confirmation", config.data.confirmation_files),
    ):
        rows += _compare(config, points, stage, files)
    _write(workdir / "search.csv", rows)
    return rows


def evaluate(config, tasks, points, network, steps):
    """Returns NLL after temperature, `(points, tasks, 2)`, in nats.

    Args:
        config: As for `search`.
        tasks: What `make_tasks` returned.
        points: List of dicts, values of directions; one with `fresh` is an
            untrained φ instead.
        network: Str, a name of `networks.LAYOUTS`.
        steps: Int.

    The last axis: without and with Manifold Mixup.
    """
    images, tasks = tasks
    runs, cuts = [], []
    for point in points:
        for index, task in enumerate(tasks):
            for alpha in (0.0, config.alpha):
                runs.append(_run(config, point, index, task, alpha))
                cuts.append(task)
    runs = training.stack(runs)
    layout = networks.LAYOUTS[network]
    trained = training.train(
        layout,
        runs,
        images,
        classes=10,
        steps=steps,
        batch_size=config.batch_size,
    )
    truth = {
        part: np.stack([cut["labels"][cut[part]] for cut in cuts])
        for part in ("validation", "test")
    }
    predicted = prediction.predict(
        layout,
        trained,
        runs,
        images,
        (np.stack([cut["validation"] for cut in cuts]), truth["validation"]),
        np.stack([cut["test"] for cut in cuts]),
        samples=config.samples,
    )
    logs = predicted.test[:, 1].astype("float32")
    losses = -np.take_along_axis(logs, truth["test"][:, :, None], 2)
    return losses.mean((1, 2)).reshape(len(points), len(tasks), 2)


def _run(config, point, index, task, alpha):
    if point.get("fresh"):
        phi = perturbation.fresh(index)
    else:
        phi = make_phi(point)
    coefficient = point.get("c_max", 1.0)
    noise = perturbation.Noise(
        phi, *map(np.float32, (coefficient, 0.4, config.fade, 0.0, 0.0))
    )
    noise = noise._replace(per_channel=np.float32(config.per_channel))
    return training.make_run(
        index, noise, alpha, config, task["train"], task["labels"]
    )


def _controls(config, tasks, network, steps):
    """Returns NLL `(tasks, 2)` of tuned noise: the best `c_max` of all."""
    points = [{"fresh": True, "c_max": value} for value in CONTROLS]
    losses = evaluate(config, tasks, points, network, steps)
    best = losses.mean(1).argmin(0)  # for each kind of training, over tasks
    return np.stack([losses[best[kind], :, kind] for kind in (0, 1)], -1)


def _compare(config, points, stage, files):
    """Returns the rows of the finalists against tuned noise."""
    tasks = small_tasks.make_tasks(
        files, config.image_size, config.final_tasks, 1
    )
    rows = []
    for network in config.final_networks:
        controls = _controls(config, tasks, network, config.final_steps)
        found = evaluate(config, tasks, points, network, config.final_steps)
        gains = controls - found  # (points, tasks, 2)
        for point, gain in zip(points, gains):
            error = gain.mean(1).std(ddof=1) / len(gain) ** 0.5
            rows.append(
                {
                    "stage": stage,
                    "network": network,
                    "gain": float(gain.mean()),
                    "standard_error": float(error),
                    "gain_plain": float(gain[:, 0].mean()),
                    "gain_mixup": float(gain[:, 1].mean()),
                    **point,
                }
            )
    return rows


def _open(workdir, config):
    storage = optuna.storages.JournalStorage(
        journal.JournalFileBackend(str(workdir / "trials.journal"))
    )
    trials = optuna.create_study(
        study_name="phi", storage=storage, load_if_exists=True
    )
    trials.sampler = optuna.samplers.TPESampler(
        # Not the numbers again with which the search began.
        seed=config.seed + len(_finished(trials)),
        n_startup_trials=config.population,
        constant_liar=True,
    )
    return trials


def _finished(trials):
    """Returns the trials with a value; a kill leaves some without."""
    return trials.get_trials(states=[optuna.trial.TrialState.COMPLETE])


def _check(config):
    unknown = sorted(set(config.directions) - set(DIRECTIONS))
    if unknown or not 1 <= len(config.directions) <= 3:
        raise ValueError(
            "Config key `directions` must name one to three of "
            f"{list(DIRECTIONS)}. Received: {tuple(config.directions)}"
        )


def _write(path, rows):
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
