"""Trains one target classifier, with φ, a rival or neither.

MetaPerturb, Algorithm 2: config -> data -> model -> fit. Everything is left in
one folder (runs/run_folder.py), with `model.keras`, `saved_model/`, the form
without noise, `deterministic.keras`, and `predictions.npz`, and the same call
resumes a killed run. A deep ensemble is several such runs in one folder.
"""

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
from pipeline.runs import learning_rates
from pipeline.runs import resumption
from pipeline.runs import run_folder
from pipeline.runs import run_log
from pipeline.runs import runtime
from pipeline.trainings import config_names
from pipeline.trainings import hparams_summary
from pipeline.trainings import methods
from pipeline.trainings import opening_lines
from pipeline.trainings import target_data
from pipeline.trainings import target_outcome

_INSPECTED_IMAGES = 8
_EVALUATION_BATCH = 256
_MEMBER_STRIDE = 1000  # keeps the seeds of two ensembles' members apart


def train_target(config, workdir, data_dir=None, source=None, verbose=True):
    """Runs or resumes the training of one target classifier.

    Args:
        config: Config of `configs/target/`.
        workdir: Path-like or URI of the run's folder.
        data_dir: Where TFDS keeps prepared data sets, or None for its default.
        source: Str, a copy of the config's data to read; None (default): them.
        verbose: Bool, default True: what was read is printed.

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
    data, validation = target_data.load_data(
        config, data_dir, source, folder.noted_data()
    )
    folder.note_data(data.record)
    if verbose:
        opening_lines.print_target(config, data, validation)
    # Before the training: what cannot be written, the run cannot end with.
    class_names = class_name_file.check_names(
        data.class_names, len(data.class_names)
    )
    # After the data: their first preparation draws random numbers.
    runtime.configure(config.seed)
    if config.method == config_names.ENSEMBLE:
        network = _train_members(config, folder, data_dir, source)
    else:
        network = _train(config, folder, data)
    judged, metrics = _judge(network, data, validation, config, folder)
    if config.export:
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
        "samples": config.samples,
        "seconds": folder.seconds(),
        "software": fingerprints.software_fingerprint(),
    }
    hparams_summary.write(folder.tensorboard, config, result)
    folder.finish(result)
    return result


def _judge(network, data, validation, config, folder):
    """Writes both forms of the network and what they predict.

    Returns: the `Judged` Monte Carlo form, and the metrics of both.
    """
    test = data.test_images, data.test_labels
    judged = target_outcome.judge(network, test, validation, config.samples)
    single = target_outcome.judge_deterministic(
        network,
        judged,
        data.train_images,
        test,
        validation,
        config.deterministic,
    )
    for name, each in (("model", judged), ("deterministic", single)):
        with files.new_file(folder.path / f"{name}.keras") as path:
            each.network.save(path)
    labels = {"test": data.test_labels}
    if validation:
        labels["validation"] = validation[1]
    target_outcome.save_predictions(
        folder.path / "predictions.npz",
        labels,
        monte_carlo=judged,
        deterministic=single,
    )
    return judged, {**judged.metrics, "deterministic": single.metrics}


def _train(config, folder, data):
    """Trains one network from its newest checkpoint on, and returns it."""
    method = make_model(config, len(data.class_names))
    checkpoints, start_step = resumption.resume(
        "target training",
        folder,
        config.steps,
        _state_of(method.trained),
        method.trained.optimizer,
        learning_rates.make_learning_rate(config),
    )
    if start_step < config.steps:
        _fit(method, data, config, folder, checkpoints, start_step)
    return method.network


def _train_members(config, folder, data_dir, source):
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
        result = train_target(member, path, data_dir, source, verbose=False)
        seconds += result["seconds"]
        # One temperature for all: of calibrated members, the mean is unsure.
        models.append(
            temperature.without_temperature(methods.load_network(path))
        )
        folder.publish()
    folder.spend(seconds)
    return baselines.deep_ensemble(models)


def make_model(config, classes):
    """Returns the `Method` of a target config, compiled."""
    method = methods.make_method(config, classes)
    method.trained.compile(
        mp_keras.AdamL2(learning_rates.make_learning_rate(config), config.l2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    method.trained.optimizer.build(method.trained.trainable_variables)
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


def _state_of(model):
    return {
        "model": [variable.value for variable in model.variables],
        "optimizer": [v.value for v in model.optimizer.variables],
    }


def _fit(method, data, config, folder, checkpoints, start_step):
    batches = datasets.training_batches(
        data.train_images,
        data.train_labels,
        batch_size=config.batch_size,
        seed=config.seed,
        start_step=start_step,
        steps=config.steps,
        augment=config.data.augment,
        flip=config.data.flip,
    )
    folder.start()
    shown = mp_keras.normalize(data.train_images[:_INSPECTED_IMAGES])
    callbacks = [
        run_log.RunLog(
            folder,
            checkpoints,
            steps=config.steps,
            start_step=start_step,
            log_every=config.log_every,
            checkpoint_every=config.checkpoint_every,
            title=f"{config.method}, seed {config.seed}",
            inspect=(
                lambda: inspection.inspect_positions(method.network, shown)
            )
            if positions_of(method.network)
            else None,
            evaluate=_test_tracker(method.network, data, config)
            if config.track_test
            else None,
        )
    ]
    if method.ramp is not None:
        callbacks.append(
            mp_keras.NoiseAnnealing(
                method.ramp,
                config.steps,
                initial_step=start_step,
                maximum=config.c_max,
            )
        )
    method.trained.fit(
        batches,
        steps_per_epoch=config.steps - start_step,
        callbacks=callbacks,
        shuffle=False,  # the batches are shuffled
        verbose=0,
    )


def _test_tracker(network, data, config):
    """Returns the function that gives one point of figure 4."""
    averaged = mp_keras.MonteCarloClassifier(network, config.tracking_samples)
    images = np.asarray(mp_keras.normalize(data.test_images))
    seeds = np.arange(len(images), dtype="int32")

    def track():
        probabilities = averaged.predict(
            (images, seeds), batch_size=_EVALUATION_BATCH, verbose=0
        )
        values = classification_metrics(probabilities, data.test_labels)
        return {
            "test_loss": values["negative_log_likelihood"],
            "test_accuracy": values["accuracy"],
        }

    return track
