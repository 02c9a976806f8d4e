"""Chooses hyperparameters on a validation part of the training data.

MetaPerturb, section 4.1: the baselines' hyperparameters are tuned with a
holdout validation set for each data set; MetaPerturb has none. Optuna's study
keeps what was tried, for its dashboard and so that a killed search goes on.

    for each point of the grid that did not come to an end yet:
        objective = mean over seeds of a validation metric
"""

import itertools
import pathlib

import optuna
from optuna.storages import journal

from mp_keras import argument_checks
from mp_keras import error_texts
from mp_keras import files
from pipeline import intervals
from pipeline.experiments import cells
from pipeline.runs import run_folder
from pipeline.trainings import target_training

_STATES = optuna.trial.TrialState
_FIRST = "first_run"  # noted of a study: the folder of its first training


def tune(config, workdir, data_dir=None):
    """Runs or resumes a search and writes `tuned.json`.

    Args:
        config: Config of `configs/tune/`.
        workdir: Path-like of the search's folder.
        data_dir: Where TFDS keeps prepared data sets, or None.

    Returns: the dict that `tuned.json` holds: `best`, values by key;
        `trials`, each with its values and the mean validation metrics;
        `diverged`, the values whose training did.
    Raises: ValueError, if the config has no validation part or an unknown
        objective, or no trial came to an end.
    """
    _check(config)
    workdir = pathlib.Path(workdir).expanduser()
    workdir.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        study_name=cells.content_digest(
            [
                cells.without_places(config.target),
                config.space,
                config.objective,
                config.seeds,
            ]
        ),
        storage=optuna.storages.JournalStorage(
            journal.JournalFileBackend(str(workdir / "study.log"))
        ),
        direction="maximize" if _higher_is_better(config) else "minimize",
        load_if_exists=True,
    )
    keys, choices = zip(*config.space)
    for point in itertools.product(*choices):
        values = dict(zip(keys, point))
        if values not in [trial.params for trial in _ended(study)]:
            _try(study, values, config, workdir, data_dir)
    return _summarize(config, study, workdir)


def _try(study, values, config, workdir, data_dir):
    """Runs one point; what interrupts it leaves it to the next call."""
    try:
        validation = _validate(study, config, values, workdir, data_dir)
    except FloatingPointError as error:  # a bad point, not the search's end
        said, outcome = str(error), {"state": _STATES.FAIL}
    else:
        metric = validation[config.objective]
        said = f"{config.objective} {metric:.4f}"
        outcome = {"value": metric, "user_attrs": {"validation": validation}}
    # Added as a whole: a kill leaves no trial to another point's metric.
    study.add_trial(
        optuna.trial.create_trial(
            params=values,
            distributions={
                key: optuna.distributions.CategoricalDistribution(choices)
                for key, choices in config.space
            },
            **outcome,
        )
    )
    print(f"{values}: {error_texts.shown(said)}", flush=True)


def _ended(study):
    """Returns the trials with a metric, and those that diverged."""
    return study.get_trials(states=(_STATES.COMPLETE, _STATES.FAIL))


def _check(config):
    if not config.target.data.validation_fraction:
        raise ValueError(
            "Config key `target.data.validation_fraction` must be positive: "
            "choices are made on validation data. Received: 0"
        )
    argument_checks.check_one_of(
        "objective", config.objective, intervals.METRICS, "Config key"
    )


def _higher_is_better(config):
    return intervals.METRICS[config.objective][3]


def _validate(study, config, values, workdir, data_dir):
    """Returns the mean validation metrics of one point over the seeds."""
    results = []
    for seed in config.seeds:
        target = config.target.copy_and_resolve_references()
        target.update_from_flattened_dict({**values, "seed": seed})
        digest = cells.content_digest(cells.without_places(target))
        folder = workdir / "trials" / f"{target.method}-seed{seed}-{digest}"
        result = target_training.train_target(
            target, folder, data_dir, noted=_first_record(study, workdir)
        )
        if _FIRST not in study.user_attrs:
            study.set_user_attr(_FIRST, folder.name)
        results.append(result["validation"])
    return {
        metric: sum(result[metric] for result in results) / len(results)
        for metric in intervals.METRICS
    }


def _first_record(study, workdir):
    """Returns the record of the first trial's images, which all have."""
    first = study.user_attrs.get(_FIRST)
    return first and run_folder.read_files_record(workdir / "trials" / first)


def _summarize(config, study, workdir):
    done = study.get_trials(states=(_STATES.COMPLETE,))
    if not done:
        raise ValueError(
            "A search needs a trial that comes to an end. Received: "
            f"{len(_ended(study))} trials, all with a loss that is not finite"
        )
    result = {
        "method": config.target.method,
        "source": config.target.data.source,
        "network": config.target.network,
        "steps": config.target.steps,
        "objective": config.objective,
        "best": study.best_trial.params,
        "trials": [
            {"values": trial.params, **trial.user_attrs["validation"]}
            for trial in done
        ],
        "diverged": [
            trial.params for trial in study.get_trials(states=(_STATES.FAIL,))
        ],
    }
    files.write_json(workdir / "tuned.json", result)
    return result
