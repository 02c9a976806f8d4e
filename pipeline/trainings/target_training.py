"""Trains one target classifier, with φ, a rival or neither.

MetaPerturb, Algorithm 2: config -> data -> model -> fit. Everything is left in
one folder (runs/run_folder.py), with `model.keras`, `saved_model/`, the form
without noise, `deterministic.keras`, and `predictions.npz`, and the same call
resumes a killed run. A deep ensemble is several such runs in one folder.
"""

import math
import time

import keras
import numpy as np
from absl import logging

import mp_keras
from mp_keras import baselines
from mp_keras import files
from mp_keras.evaluation import inspection
from mp_keras.evaluation import temperature
from mp_keras.evaluation.metrics import classification_metrics
from mp_keras.export import class_name_file
from mp_keras.perturbation import positions_of
from pipeline import datasets
from pipeline import fingerprints
from pipeline.datasets import last_read
from pipeline.report import judged_images
from pipeline.report import run_page
from pipeline.runs import early_stopping
from pipeline.runs import learning_rates
from pipeline.runs import resumption
from pipeline.runs import run_folder
from pipeline.runs import run_log
from pipeline.runs import runtime
from pipeline.trainings import config_names
from pipeline.trainings import data_choices
from pipeline.trainings import hparams_summary
from pipeline.trainings import methods
from pipeline.trainings import opening_lines
from pipeline.trainings import pretrained_weights
from pipeline.trainings import target_data
from pipeline.trainings import target_outcome
from pipeline.trainings import training_phases

_INSPECTED_IMAGES = 8
_EVALUATION_BATCH = 256
_WARM_STEPS, _TIMED_STEPS = 3, 5
_MEMBER_STRIDE = 1000  # keeps the seeds of two ensembles' members apart


def train_target(
    config,
    workdir,
    data_dir=None,
    source=None,
    verbose=True,
    command=None,
    read=datasets.load_images,
    single_pass=True,
    noted=None,
):
    """Runs or resumes the training of one target classifier.

    Args:
        config: Config of `configs/target/`.
        workdir: Path-like or URI of the run's folder.
        data_dir: Where TFDS keeps prepared data sets, or None for its default.
        source: Str, a copy of the config's data to read; None (default): them.
        verbose: Bool, default True: what was read is printed.
        command: Str, the command line of the call, for the page; or None.
        read: Function that reads data, as `datasets.load_images` (default).
        single_pass: Bool, default True: the form without noise is made, too.
        noted: Record of the images that a run which begins is to have, as
            `run_folder.read_data_record` returns it; None (default): its own.

    Returns: the dict that `result.json` holds; runs that ended before their
        `class_names` were noted have none.
    Raises: ValueError, FileNotFoundError, if the config or the data is wrong;
        FloatingPointError, if a loss is not finite (the same call with a
        smaller learning rate goes on).
    """
    folder = run_folder.RunFolder(workdir, config.to_dict())
    finished = folder.result()
    if finished:
        logging.warning(
            "%s is finished: this is its result, nothing was trained", workdir
        )
        return finished
    config_names.check_method(config.method)
    weights = pretrained_weights.digest_of(config)
    if weights is not None:
        folder.note_weights(config.pretrained.weights, weights)
    choices = folder.choices() or data_choices.choose(
        config, data_dir, source, _seconds_per_step
    )
    folder.note_choices(choices)
    config = config.copy_and_resolve_references()
    config.update(choices)
    if config.method == config_names.ENSEMBLE:  # all members read the same
        read = last_read.LastRead(read)
    data, validation = target_data.load_data(
        config, data_dir, source, folder.noted_data() or noted, read=read
    )
    folder.note_data(data.record)
    if verbose:
        opening_lines.print_target(config, data, validation, choices)
    # Before the training: what cannot be written, the run cannot end with.
    class_names = class_name_file.check_names(
        data.class_names, len(data.class_names)
    )
    # After the data: their first preparation draws random numbers.
    runtime.configure(config.seed)
    if config.method == config_names.ENSEMBLE:
        network = _train_members(
            config, folder, data_dir, source, read, data.record
        )
        best_step = None
    else:
        network, best_step = _train(config, folder, data, validation)
    judged, metrics = _judge(
        network, data, validation, config, folder, single_pass
    )
    if config.export:
        _write_page(config, folder, data, validation, judged, command)
        mp_keras.save_classifier(
            judged.network,
            folder.export("saved_model"),
            samples=config.samples,
            class_names=class_names,
        )
    result = metrics | {
        "method": config.method,
        "network": config.network,
        "data": config.data.source,
        "class_names": class_names,
        "seed": config.seed,
        "steps": config.steps,
        **({"best_step": best_step} if best_step else {}),
        "samples": config.samples,
        "seconds": folder.seconds(),
        **({} if weights is None else {"weights": weights}),
        "software": fingerprints.software_fingerprint(),
        "versions": runtime.versions(),
    }
    hparams_summary.write(folder.tensorboard, config, result)
    folder.finish(result)
    return result


def _write_page(config, folder, data, validation, judged, command):
    """Writes `report.html`."""
    shown = judged_images.JudgedImages(
        data.test_images,
        data.test_labels,
        data.test_names,
        tuple(data.class_names),
        judged.probabilities["test"],
        judged.probabilities.get(f"test_{target_outcome.BEFORE}"),
    )
    page = run_page.render(
        f"A classifier for {config.data.source}",
        shown,
        opening_lines.describe_data(config, data, validation),
        opening_lines.describe_training(config),
        command,
        folder.history(),
    )
    files.write_text(folder.path / "report.html", page)


def _judge(network, data, validation, config, folder, single_pass):
    """Writes the forms of the network and what they predict.

    Returns: the `Judged` Monte Carlo form, and the metrics of all forms.
    """
    test = data.test_images, data.test_labels
    judged = target_outcome.judge(
        network, test, validation, config.samples, config.temperature
    )
    forms, metrics = {"model": judged}, judged.metrics
    if single_pass:
        forms["deterministic"] = target_outcome.judge_deterministic(
            network,
            judged,
            data.train_images,
            test,
            validation,
            config.deterministic,
            config.temperature,
        )
        metrics = {**metrics, "deterministic": forms["deterministic"].metrics}
    for name, each in forms.items():
        with files.new_file(folder.path / f"{name}.keras") as path:
            each.network.save(path)
    labels = {"test": data.test_labels}
    if validation:
        labels["validation"] = validation[1]
    forms["monte_carlo"] = forms.pop("model")
    target_outcome.save_predictions(
        folder.path / "predictions.npz", labels, **forms
    )
    return judged, metrics


def _train(config, folder, data, validation):
    """Trains one network from its newest checkpoint on.

    Returns: the network, and the step that early stopping goes back to, or
        None.
    """
    method = methods.make_method(config, len(data.class_names))
    phases = training_phases.make(config, method)
    phases[-1].begin(method.trained)
    state = training_phases.state_of(method, phases)
    stopping = _make_stopping(config, folder, method, phases, state, validation)
    checkpoints, start_step = resumption.resume(
        "target training",
        folder,
        config.steps,
        state,
        phases[-1].optimizer,
        phases[-1].rate,
    )
    for phase in phases[:-1]:
        learning_rates.restore_rate(phase.optimizer, phase.rate)
    if start_step < config.steps and not (stopping and stopping.is_over()):
        track = _tracker(method.network, data, validation, config)
        for phase in phases:
            if start_step >= phase.last_step:
                continue
            phase.begin(method.trained)
            _fit(
                method,
                phase,
                data,
                config,
                folder,
                checkpoints,
                start_step,
                stopping,
                track,
            )
            start_step = phase.last_step
    best_step = stopping.restore() if stopping else None
    return method.network, best_step


def _make_stopping(config, folder, method, phases, state, validation):
    """Returns the run's `EarlyStopping`, or None.

    Raises: ValueError, if there are no validation images to tell from.
    """
    patience = config.early_stopping.patience
    if not patience:
        return None
    if not validation:
        raise ValueError(
            "Config key `data.validation_fraction` must be above 0 for "
            "`early_stopping`. Received: "
            f"data.validation_fraction={config.data.validation_fraction}"
        )
    ramp_steps = math.ceil((method.ramp or 0) * config.steps)
    first_step = max(ramp_steps, phases[-1].first_step)
    return early_stopping.EarlyStopping(folder, state, patience, first_step)


def _train_members(config, folder, data_dir, source, read, noted):
    """Trains the members of a deep ensemble, and returns their average."""
    count = config.deep_ensemble.members
    if count < 2:
        raise ValueError(
            "Config key `deep_ensemble.members` must be at least 2. "
            f"Received: deep_ensemble.members={count}"
        )
    folder.start()
    models, seconds = [], 0.0
    for index in range(count):
        member = config.copy_and_resolve_references()
        member.method = "base"
        member.export = False
        member.seed = _MEMBER_STRIDE * (config.seed + 1) + index
        path = folder.path / "members" / str(index)
        result = train_target(
            member,
            path,
            data_dir,
            source,
            verbose=False,
            read=read,
            noted=noted,
        )
        seconds += result["seconds"]
        # One temperature for all: of calibrated members, the mean is unsure.
        models.append(
            temperature.without_temperature(methods.load_network(path))
        )
        folder.publish()
    folder.spend(seconds)
    return baselines.deep_ensemble(models)


def make_model(config, classes):
    """Returns the `Method` of a target config, compiled for its last phase."""
    method = methods.make_method(config, classes)
    training_phases.make(config, method)[-1].begin(method.trained)
    return method


def evaluate(model, images, labels, samples):
    """Returns the metrics of a model on uint8 images."""
    probabilities = predict(model, images, samples)
    return classification_metrics(probabilities, labels)


def predict(model, images, samples):
    """Returns the Monte Carlo averaged probabilities of uint8 images."""
    return mp_keras.monte_carlo_predict(
        model,
        np.asarray(mp_keras.normalize(images)),
        samples=samples,
        batch_size=_EVALUATION_BATCH,
    )


def _seconds_per_step(config, classes):
    """Returns how long a training step takes here, on images of noise.

    The members of a deep ensemble are trained one after the other.
    """
    if config.method == config_names.ENSEMBLE:
        config.method = "base"
        members = config.deep_ensemble.members
    else:
        members = 1
    trained = make_model(config, classes).trained
    shape = (config.batch_size, config.image_size, config.image_size, 3)
    random = np.random.default_rng(0)
    batches = datasets.training_batches(
        random.integers(0, 256, shape, np.uint8),
        random.integers(0, classes, shape[0]),
        batch_size=config.batch_size,
        seed=0,
        start_step=0,
        steps=_WARM_STEPS + _TIMED_STEPS,
    )
    times = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: times.append(time.monotonic())
    )
    trained.fit(batches, callbacks=[clock], shuffle=False, verbose=0)
    keras.utils.clear_session()  # the names of layers count from 0 again
    return members * (times[-1] - times[_WARM_STEPS - 1]) / _TIMED_STEPS


def _fit(
    method,
    phase,
    data,
    config,
    folder,
    checkpoints,
    start_step,
    stopping,
    track,
):
    """Trains the steps of a phase that are left."""
    batches = datasets.training_batches(
        data.train_images,
        data.train_labels,
        batch_size=config.batch_size,
        seed=config.seed,
        start_step=start_step,
        steps=phase.last_step,
        augment=config.data.augment,
        flip=config.data.flip,
        balanced=config.data.balanced,
    )
    folder.start()
    shown = mp_keras.normalize(data.train_images[:_INSPECTED_IMAGES])
    callbacks = [
        run_log.RunLog(
            folder,
            checkpoints,
            steps=phase.last_step,
            start_step=start_step,
            log_every=config.log_every,
            checkpoint_every=config.checkpoint_every,
            title=", ".join(
                filter(None, [config.method, f"seed {config.seed}", phase.name])
            ),
            inspect=(
                lambda: inspection.inspect_positions(method.network, shown)
            )
            if positions_of(method.network)
            else None,
            evaluate=track,
            stopping=stopping,
            rate_key=phase.rate_key,
        )
    ]
    if method.ramp is not None:
        callbacks.append(
            mp_keras.NoiseAnnealing(
                method.ramp,
                config.steps,
                initial_step=start_step,
                maximum=method.maximum,
            )
        )
    method.trained.fit(
        batches,
        steps_per_epoch=phase.last_step - start_step,
        callbacks=callbacks,
        shuffle=False,  # the batches are shuffled
        verbose=0,
    )


def _tracker(network, data, validation, config):
    """Returns the function that gives one point of the curves, or None.

    They are the test part's, for figure 4, and the validation part's, for
    early stopping, each where it was asked for.
    """
    parts = {}
    if config.track_test:
        parts["test"] = data.test_images, data.test_labels
    if config.early_stopping.patience:
        parts["validation"] = validation
    if not parts:
        return None
    averaged = mp_keras.MonteCarloClassifier(network, config.tracking_samples)
    prepared = {
        part: (target_outcome.normalized(images), labels)
        for part, (images, labels) in parts.items()
    }

    def track():
        found = {}
        for part, (images, labels) in prepared.items():
            probabilities = averaged.predict(
                (images, np.arange(len(images), dtype="int32")),
                batch_size=_EVALUATION_BATCH,
                verbose=0,
            )
            values = classification_metrics(probabilities, labels)
            found[f"{part}_loss"] = values["negative_log_likelihood"]
            found[f"{part}_accuracy"] = values["accuracy"]
        if "validation" in prepared:  # as it is exported: with a temperature
            found["validation_loss"] = temperature.best_loss(
                target_outcome.logarithms(probabilities), labels
            )
        return found

    return track
