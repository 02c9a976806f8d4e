"""Meta-trains φ on a source data set: config -> data -> model -> fit.

MetaPerturb, Algorithm 1. Everything is left in one folder (runs/run_folder.py),
with `phi/`, the SavedModel of φ, and the same call resumes a killed run. Of
several workers each trains its own tasks; the chief writes.
"""

from absl import logging

import mp_keras
from mp_keras.evaluation import inspection
from pipeline import datasets
from pipeline.datasets import class_choice
from pipeline.runs import learning_rates
from pipeline.runs import resumption
from pipeline.runs import run_folder
from pipeline.runs import run_log
from pipeline.runs import runtime
from pipeline.trainings import networks
from pipeline.trainings import opening_lines
from pipeline.workers import group as worker_group
from pipeline.workers import strategies

_INSPECTED_IMAGES = 8


def meta_train(
    config, workdir, data_dir=None, cluster=None, timeout_s=300, source=None
):
    """Runs or resumes one meta-training.

    Args:
        config: Config of `configs/meta_train/`.
        workdir: Path-like of the run's folder, which all workers share.
        data_dir: Where TFDS keeps prepared data sets, or None for its default.
        cluster: `Cluster` of several workers, or None for this process alone.
        timeout_s: Float, seconds to wait for the other workers.
        source: Str, a copy of the config's data to read; None (default): them.

    Returns: the dict that `result.json` holds.
    Raises: ValueError, FileNotFoundError, if the config or the data is wrong;
        FloatingPointError, if a loss is not finite (the same call with a
        smaller learning rate goes on); `tf.errors.OpError`, if a worker is
        lost.
    """
    folder = run_folder.RunFolder(workdir, config.to_dict(), cluster)
    finished = folder.result()
    if finished:
        logging.info("%s is finished; nothing to do", workdir)
        return finished
    strategy = strategies.make_strategy(
        config.replicas, cluster, timeout_s, lambda: bool(folder.result())
    )
    group = worker_group.WorkerGroup(cluster, strategy)
    group.check_same(config.to_dict())
    data = datasets.load_images(
        source or config.data.source,
        image_size=config.image_size,
        data_dir=data_dir,
        manual_dir=config.data.manual_dir or None,
        examples_per_class=config.data.examples_per_class or None,
        seed=config.data.seed,
        memory_gib=config.data.memory_gib,
        cache_gib=config.data.cache_gib,
        noted=folder.noted_data(),
    )
    folder.note_data(data.record)
    data = class_choice.of_classes(data, config.data.classes)
    tasks = datasets.split_tasks(
        data.train_images,
        data.train_labels,
        tasks=config.tasks,
        split=config.task_split,
        seed=config.seed,
        classes_per_task=config.classes_per_task or None,
        train_examples=config.train_examples or None,
    )
    group.check_same({"data_digest": data.digest(), **runtime.versions()})
    if group.is_chief:
        opening_lines.print_meta(config, data)
    # After the data: their first preparation draws random numbers.
    runtime.configure(config.seed)
    trainer = make_trainer(config, tasks[0].classes, strategy)
    checkpoints, start_step = resumption.resume(
        "meta-training",
        folder,
        config.steps,
        trainer.state,
        trainer.optimizer,
        learning_rates.make_learning_rate(config, "phi_learning_rate"),
        group.newest_common_step,
    )
    group.announce(
        f"trains the tasks {trainer.local_tasks[0]} to "
        f"{trainer.local_tasks[-1]} of {config.tasks}, from step {start_step} "
        f"to {config.steps}"
    )
    if start_step < config.steps:
        _fit(trainer, tasks, config, folder, checkpoints, start_step)
    if group.is_chief:
        _finish(trainer, config, data, folder)
    group.wait()
    folder.release()
    return folder.result()


def _finish(trainer, config, data, folder):
    """Saves φ with its card, and then the result."""
    result = _result(config, folder)
    mp_keras.save_perturbation(
        trainer.perturbation,
        folder.export("phi"),
        channel_norm=trainer.task_network.positions[0].channel_norm,
        spatial_norm=config.image_size,
        card=_card(config, data, result),
    )
    folder.finish(result)


def make_trainer(config, classes, strategy=None):
    """Returns the compiled `MetaTrainer` of a config.

    Args:
        config: Config of `configs/meta_train/`.
        classes: Int, classes of one task.
        strategy: `tf.distribute.Strategy`, or None for one device.
    """
    phi = mp_keras.PerturbationFunction(
        seed=config.seed, stddev=config.phi_stddev, **config.phi_options
    )
    network = networks.make_network(
        config.network,
        classes,
        config.image_size,
        perturbation=phi,
        positions=config.positions,
        options=config.network_options,
    )
    trainer = mp_keras.MetaTrainer(
        network,
        config.tasks,
        perturbation=phi,
        seed=config.seed,
        strategy=strategy,
    )
    rate = learning_rates.make_learning_rate(
        config, steps=config.restart_every or None
    )
    phi_rate = learning_rates.make_learning_rate(config, "phi_learning_rate")
    trainer.compile(
        mp_keras.AdamL2(rate, l2=config.l2),
        mp_keras.AdamL2(phi_rate, l2=config.phi_l2),
    )
    return trainer


def _fit(trainer, tasks, config, folder, checkpoints, start_step):
    batches = _batches(trainer, tasks, config, start_step)
    folder.start()
    first = tasks[0].held_out_indices[:_INSPECTED_IMAGES]
    shown = mp_keras.normalize(tasks[0].images[first])
    log = run_log.RunLog(
        folder,
        checkpoints,
        steps=config.steps,
        start_step=start_step,
        log_every=config.log_every,
        checkpoint_every=config.checkpoint_every,
        title="meta-training",
        inspect=lambda: inspection.inspect_positions(
            trainer.load_task(0), shown
        ),
        diagnose=lambda: _diagnose(trainer),
    )
    trainer.fit(
        batches,
        steps_per_epoch=config.steps - start_step,
        callbacks=[log, _annealing(config, start_step)],
        shuffle=False,  # the batches are shuffled
        verbose=0,
    )


def _annealing(config, start_step):
    """Returns the callback that sets the noise, and starts tasks anew."""
    if config.restart_every:
        return mp_keras.TaskRestarts(
            config.restart_every, config.noise_ramp, config.c_max
        )
    return mp_keras.NoiseAnnealing(
        config.noise_ramp,
        config.steps,
        initial_step=start_step,
        maximum=config.c_max,
    )


def _diagnose(trainer):
    """Returns a sentence on the tasks whose numbers are not finite."""
    broken, start = [], trainer.local_tasks.start
    for bank in trainer.banks:
        broken += [start + index for index in bank.broken_tasks()]
        start += bank.tasks
    if not broken:
        return "All numbers of all tasks here are finite"
    return f"Tasks whose numbers are not finite: {broken}"


def _batches(trainer, tasks, config, start_step):
    """Returns the batches of this process' tasks, distributed if need be."""
    arguments = {
        "batch_size": config.batch_size,
        "seed": config.seed,
        "start_step": start_step,
        "steps": config.steps,
    }
    if len(trainer.local_tasks) == config.tasks:
        return datasets.task_batches(tasks, **arguments)
    per_replica = config.tasks // trainer.replicas
    return trainer.distribute_strategy.distribute_datasets_from_function(
        lambda context: datasets.task_batches(
            tasks,
            only=trainer.local_tasks,
            tasks_per_element=per_replica,
            **arguments,
        )
    )


def _result(config, folder):
    last = folder.last_window()
    return {
        "held_out_loss": last["held_out_loss"],
        "held_out_accuracy": 100 * last["held_out_accuracy"],
        "task_loss": last["task_loss"],
        "task_accuracy": 100 * last["task_accuracy"],
        "network": config.network,
        "data": config.data.source,
        "seed": config.seed,
        "steps": config.steps,
        "tasks": config.tasks,
        "batch_size": config.batch_size,
        "seconds": folder.seconds(),
        "versions": runtime.versions(),
    }


def _card(config, data, result):
    numbers = {key: value for key, value in result.items() if key != "data"}
    return {
        "source": config.data.source,
        "source_digest": data.digest(),
        "source_images": len(data.train_labels),
        "source_classes": len(data.class_names),
        "terms": config.data.terms,
        "task_split": config.task_split,
        "classes_per_task": config.classes_per_task,
        "train_examples": config.train_examples,
        "positions": config.positions,
        "network_options": config.network_options.to_dict(),
        "c_max": config.c_max,
        **config.phi_options,
        "image_size": config.image_size,
        **numbers,
    }
