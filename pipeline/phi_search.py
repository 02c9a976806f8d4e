"""φ by search over whole trainings: what gradients at fixed weights miss.

φ stays 82 numbers, moved along a few directions (`DIRECTIONS`)
task      ten classes x 50 images, tested on the other images of its classes
loss      NLL on those after temperature, the mean over the tasks; each point
          trains from the same initial weights, on the same batches and crops
controls  the first points: nothing but strengths of untrained noise
star      from the best of them a step forth and back along each direction
search    Optuna's TPE; several processes may share the folder of a search

A point's trainings are runs as `tools.train_target` leaves them. The trap: the
best point was chosen for its luck, too, and counts on other classes alone
(configs/experiments/small_tasks_confirmation.py).
"""

import csv
import pathlib

import numpy as np
import optuna
from optuna.storages import journal

import mp_keras
from mp_keras import error_texts
from mp_keras import files
from pipeline.experiments import cells
from pipeline.trainings import target_training

# Name -> lowest and highest value and step: what a step along a direction does
# to φ, see `make_phi`. Noise that grows with the activation grows from position
# to position; at 0.5 predictions were no longer finite.
DIRECTIONS = {
    "c_max": (0.1, 1.0, 0.05),  # the largest noise coefficient
    "own": (-2.0, 0.5, 0.1),  # μ by a channel's own activation
    "pooled": (-2.0, 0.5, 0.1),  # μ by the mean over channels
    "depth": (-3.0, 3.0, 0.5),  # s by the height of the map
    "statistic": (-3.0, 3.0, 0.5),  # s by a channel's mean activation
}
_STAR = {"own": 0.5, "pooled": 0.5, "depth": 1.5, "statistic": 1.5}  # a step
_STILL = dict.fromkeys(DIRECTIONS, 0.0) | {"c_max": 1.0}
_STATES = optuna.trial.TrialState
_COUNTED = ("COMPLETE", "PRUNED", "RUNNING")  # pruned: not finite
_WORKER, _LOSSES = "worker", "losses"  # what is noted of a trial
_LOSS = "negative_log_likelihood"
_BEST = 2  # φ that are left as SavedModels


def make_phi(values, **options):
    """Returns φ at a point of the directions.

    Args:
        values: Dict from names of `DIRECTIONS` to floats; what is missing
            does nothing. With none, μ is 0 and s is 1/2 everywhere.
        **options: Of `mp_keras.PerturbationFunction`, as `noise_per`.
    """
    values = _STILL | values
    phi = mp_keras.PerturbationFunction(stddev=0.0, **options)
    numbers = phi.values()
    numbers["noise_self_1"][1, 1] = 1.0  # hidden = relu(h)
    numbers["noise_self_2"][1, 1] = values["own"]
    numbers["noise_all_2"][1, 1] = values["pooled"]
    numbers["scale_kernels"][0, 1, 1] = 1.0  # statistic 0: mean of relu(h)
    numbers["scale_head"][0] = values["statistic"]
    numbers["scale_head"][9] = values["depth"]
    phi.set_values(numbers)
    return phi


def search(config, workdir, data_dir=None):
    """Runs or resumes a search for φ.

    Leaves `search.csv`, and the two best φ as SavedModels `phi_1` and `phi_2`.

    Args:
        config: Config of `configs/tune/phi.py`.
        workdir: Path-like of the search's folder. Another process may call
            this meanwhile, with another `config.worker`.
        data_dir: Where TFDS keeps prepared data sets, or None.

    Returns: rows of the table, the best first: dicts of the directions' values,
        `loss` and its `gain` over the best control, in nats, and `task_1`, ...,
        the gains of the tasks.
    Raises: ValueError, if `directions` or `controls` are wrong, or no control
        has a finite loss.
    """
    _check(config)
    workdir = pathlib.Path(workdir).expanduser()
    workdir.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = _open(config, workdir)
    _take_up(study, config)
    while len(_trials(study, *_COUNTED)) < config.trials:
        _put_star_in_line(study, config)
        trial = study.ask(_distributions(config))
        trial.set_user_attr(_WORKER, config.worker)
        try:
            losses = _losses(config, trial.params, workdir, data_dir)
        except FloatingPointError as error:  # a bad point
            said = error_texts.shown(str(error))
            study.tell(trial, state=_STATES.PRUNED)
        else:
            said = f"{np.mean(losses):.4f} nats"
            trial.set_user_attr(_LOSSES, losses)
            study.tell(trial, float(np.mean(losses)))
        print(f"{trial.params}: {said}", flush=True)
    rows = _rows(config, study)
    _write(config, rows, workdir)
    return rows


def _open(config, workdir):
    study = optuna.create_study(
        # Trials of another config are of another search.
        study_name=_digest(config, config.directions),
        storage=optuna.storages.JournalStorage(
            journal.JournalFileBackend(str(workdir / "study.log"))
        ),
        load_if_exists=True,
    )
    # Not the numbers again with which the search began.
    seeds = [config.seed, config.worker, len(study.trials)]
    study.sampler = optuna.samplers.TPESampler(
        seed=int(np.random.SeedSequence(seeds).generate_state(1)[0]),
        n_startup_trials=config.random_trials,
        multivariate=True,
        constant_liar=True,
    )
    return study


def _take_up(study, config):
    """Puts in line the controls, and what a kill of this worker left."""
    left = [
        trial
        for trial in _trials(study, "RUNNING")
        if trial.user_attrs.get(_WORKER) == config.worker
    ]
    for trial in left:
        study.tell(trial.number, state=_STATES.FAIL)
        study.enqueue_trial(trial.params)
    for point in _controls(config):
        study.enqueue_trial(point, skip_if_exists=True)


def _put_star_in_line(study, config):
    """Puts the points around the best control in line, once it is known."""
    controls = _controls(config)
    tried = [
        trial
        for trial in _trials(study, "COMPLETE", "PRUNED")
        if trial.params in controls
    ]
    if len(tried) < len(controls):
        return
    center = min(tried, key=_value).params
    for name, length in _STAR.items():
        if name not in config.directions:
            continue
        for value in (length, -length):
            study.enqueue_trial({**center, name: value}, skip_if_exists=True)


def _controls(config):
    """Returns the points at which φ is nothing but noise of a strength."""
    still = {name: _STILL[name] for name in config.directions}
    if "c_max" not in still:
        return [still]
    return [still | {"c_max": value} for value in config.controls]


def _distributions(config):
    return {
        name: optuna.distributions.FloatDistribution(low, high, step=step)
        for name, (low, high, step) in DIRECTIONS.items()
        if name in config.directions
    }


def _trials(study, *states):
    return study.get_trials(states=[_STATES[state] for state in states])


def _value(trial):
    return np.inf if trial.value is None else trial.value


def _losses(config, point, workdir, data_dir):
    """Returns the test loss of each task, after the temperature, in nats."""
    phi = workdir / "phi" / _digest(config, point)
    if not phi.exists():
        _save(config, point, phi)
    losses = []
    for number, classes in enumerate(config.task_classes, 1):
        target = config.target.copy_and_resolve_references()
        target.data.classes = classes
        target.phi = str(phi)
        target.c_max = point.get("c_max", target.c_max)
        folder = workdir / "trials" / f"{phi.name}-task{number}"
        result = target_training.train_target(target, folder, data_dir)
        losses.append(result[_LOSS])
    return losses


def _digest(config, value):
    """Returns letters that stand for a value and for what is trained."""
    return cells.content_digest(
        [
            cells.without_places(config.target),
            config.phi_options.to_dict(),
            config.task_classes,
            value,
        ]
    )


def _save(config, point, path):
    phi = make_phi(point, **config.phi_options)
    mp_keras.save_perturbation(phi, path, card={"directions": point})


def _rows(config, study):
    """Returns the table of what has come to an end, the best first."""
    trials = sorted(_trials(study, "COMPLETE"), key=_value)
    controls = [t for t in trials if t.params in _controls(config)]
    if not controls:
        raise ValueError(
            "A search needs a control that comes to an end. Received: "
            f"{len(trials)} other trials with a loss that is finite"
        )
    control = controls[0]
    rows = []
    for trial in trials:
        gains = np.subtract(*(t.user_attrs[_LOSSES] for t in (control, trial)))
        rows.append(
            {
                **{name: round(v, 6) for name, v in trial.params.items()},
                "loss": trial.value,
                "gain": float(gains.mean()),
                **{f"task_{n}": float(gain) for n, gain in enumerate(gains, 1)},
            }
        )
    return rows


def _write(config, rows, workdir):
    with files.new_file(workdir / "search.csv") as path:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    for number, row in enumerate(rows[:_BEST], 1):
        point = {name: row[name] for name in config.directions}
        _save(config, point, workdir / f"phi_{number}")


def _check(config):
    unknown = sorted(set(config.directions) - set(DIRECTIONS))
    if unknown or not 1 <= len(config.directions) <= 3:
        raise ValueError(
            "Config key `directions` must name one to three of "
            f"{list(DIRECTIONS)}. Received: {tuple(config.directions)}"
        )
    low, high, step = DIRECTIONS["c_max"]
    off = [c for c in config.controls if not _is_on_grid(c, low, high, step)]
    if off or not config.controls:
        raise ValueError(
            f"Config key `controls` must hold numbers from {low} to {high} in "
            f"steps of {step}. Received: {tuple(config.controls)}"
        )


def _is_on_grid(value, low, high, step):
    steps = (value - low) / step
    return low <= value <= high and abs(steps - round(steps)) < 1e-6
