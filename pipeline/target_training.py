"""Trains one target classifier, with φ or without: config -> data -> fit.

MetaPerturb, Algorithm 2. Everything is left in one folder (run_folder.py),
with `model.keras` and `saved_model/`, and the same call resumes a killed run.
"""

import dataclasses

import keras
import numpy as np
from absl import logging

import mp_keras
from mp_keras import checkpointing
from mp_keras.evaluation import figures
from mp_keras.evaluation import inspection
from mp_keras.perturbation import layer as layer_module
from pipeline import datasets
from pipeline import networks
from pipeline import run_folder
from pipeline import run_log
from pipeline import runtime

METHODS = ("base", "meta_perturb")
_INSPECTED_IMAGES = 8
_EVALUATION_BATCH = 256


def train_target(config, workdir, data_dir=None):
    """Runs or resumes the training of one target classifier.

    Args:
        config: Config of `configs/target/`.
        workdir: Path-like of the run's folder.
        data_dir: Where TFDS keeps prepared data sets, or None for its default.

    Returns: the dict that `result.json` holds.
    Raises: ValueError, FileNotFoundError, if the config or the data is wrong;
        FloatingPointError, if a loss is not finite.
    """
    folder = run_folder.RunFolder(workdir, config.to_dict())
    finished = folder.result()
    if finished:
        logging.info("%s is finished; nothing to do", workdir)
        return finished
    runtime.configure(config.seed)
    data, validation = load_data(config, data_dir)
    model = make_model(config, len(data.class_names))
    checkpoints = checkpointing.Checkpoints(
        folder.checkpoints, _state_of(model)
    )
    start_step = checkpoints.restore()
    folder.rewind(start_step)
    logging.info("target training from step %d of %d", start_step, config.steps)
    if start_step < config.steps:
        _fit(model, data, config, folder, checkpoints, start_step)
    model.save(folder.path / "model.keras")
    mp_keras.save_classifier(
        model, folder.path / "saved_model", samples=config.samples
    )
    result = evaluate(model, data.test_images, data.test_labels, config.samples)
    if validation:
        result["validation"] = evaluate(model, *validation, config.samples)
    result |= {
        "method": config.method,
        "network": config.network,
        "data": config.data.source,
        "seed": config.seed,
        "steps": config.steps,
        "samples": config.samples,
        "seconds": folder.seconds(),
    }
    folder.finish(result)
    return result


def load_data(config, data_dir=None):
    """Returns `ImageData` and the validation part of a target config.

    The validation part (images, labels) is cut off the training part alone,
    before `examples_per_class` thins that out; without a
    `validation_fraction` it is None.
    """
    data = datasets.load_images(
        config.data.source,
        image_size=config.image_size,
        data_dir=data_dir,
        manual_dir=config.data.manual_dir or None,
        test_fraction=config.data.test_fraction,
        seed=config.data.seed,
    )
    images, labels = data.train_images, data.train_labels
    validation = None
    if config.data.validation_fraction:
        images, labels, *validation = datasets.hold_out(
            images, labels, config.data.validation_fraction, config.data.seed
        )
    if config.data.examples_per_class:
        kept = datasets.balanced_subset(
            labels, config.data.examples_per_class, config.data.seed
        )
        images, labels = images[kept], labels[kept]
    if len(labels) < config.batch_size:
        raise ValueError(
            f"Config key `batch_size` must be at most {len(labels)}, the "
            f"training images of {config.data.source}. "
            f"Received: batch_size={config.batch_size}"
        )
    data = dataclasses.replace(data, train_images=images, train_labels=labels)
    return data, validation


def make_model(config, classes):
    """Returns the compiled Keras model of a target config."""
    if config.method not in METHODS:
        raise ValueError(
            f"Config key `method` must be one of {METHODS}. "
            f"Received: method={config.method!r}"
        )
    phi = None
    if config.method == "meta_perturb":
        phi = mp_keras.load_perturbation(config.perturbation)
    model = networks.make_network(
        config.network,
        classes,
        config.image_size,
        perturbation=phi,
        seed=config.seed,
        options=config.network_options,
    )
    drops = [round(part * config.steps) for part in config.learning_rate_drops]
    rates = [
        config.learning_rate * config.learning_rate_factor**i
        for i in range(len(drops) + 1)
    ]
    model.compile(
        mp_keras.AdamL2(
            keras.optimizers.schedules.PiecewiseConstantDecay(drops, rates)
            if drops
            else config.learning_rate,
            l2=config.l2,
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.optimizer.build(model.trainable_variables)
    return model


def evaluate(model, images, labels, samples):
    """Returns the three figures of a model on uint8 images."""
    probabilities = mp_keras.monte_carlo_predict(
        model,
        np.asarray(mp_keras.normalize(images)),
        samples=samples,
        batch_size=_EVALUATION_BATCH,
    )
    return figures.classification_figures(probabilities, labels)


def _state_of(model):
    return {
        "model": [variable.value for variable in model.variables],
        "optimizer": [v.value for v in model.optimizer.variables],
    }


def _fit(model, data, config, folder, checkpoints, start_step):
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
    perturbed = bool(layer_module.positions(model))
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
            inspect=(lambda: inspection.inspect_positions(model, shown))
            if perturbed
            else None,
        )
    ]
    if perturbed:
        callbacks.append(
            mp_keras.NoiseAnnealing(
                config.noise_ramp, config.steps, initial_step=start_step
            )
        )
    model.fit(
        batches,
        steps_per_epoch=config.steps - start_step,
        callbacks=callbacks,
        shuffle=False,  # the batches are shuffled
        verbose=0,
    )
