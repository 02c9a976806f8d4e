"""Meta-trains a few-shot learner: config -> data -> model -> fit -> test.

Meta Dropout, algorithm 1. Everything is left in one folder, as
runs/run_folder.py says, with `saved_model/`, and the same call resumes a killed
run.
"""

from absl import logging

from mp_keras.few_shot import block_outputs
from mp_keras.few_shot import episode_evaluation
from mp_keras.few_shot import export
from pipeline import fingerprints
from pipeline.datasets import few_shot
from pipeline.datasets import image_data
from pipeline.runs import resumption
from pipeline.runs import run_folder
from pipeline.runs import run_log
from pipeline.runs import runtime
from pipeline.trainings import few_shot_episodes
from pipeline.trainings import few_shot_evaluation
from pipeline.trainings import few_shot_methods
from pipeline.trainings import opening_lines
from pipeline.workers import strategies


def few_shot_train(
    config, workdir, data_dir=None, read=few_shot.load_class_images
):
    """Runs or resumes one few-shot training, and tests it.

    Args:
        config: Config of `configs/few_shot/`.
        workdir: Path-like or URI of the run's folder.
        data_dir: Where TFDS keeps prepared data sets, or None for its default.
        read: Function that reads data, as `few_shot.load_class_images`
            (default).

    Returns: the dict that `result.json` holds.
    Raises: ValueError, FileNotFoundError, if the config or the data is wrong;
        FloatingPointError, if a loss is not finite (the same call with a
        smaller learning rate goes on).
    """
    folder = run_folder.RunFolder(workdir, config.to_dict())
    finished = folder.result()
    if finished:
        logging.info("%s is finished; nothing to do", workdir)
        return finished
    strategy = strategies.make_strategy(config.replicas)
    trainer = few_shot_methods.make_trainer(config, strategy)
    data = few_shot_episodes.load_data(config, data_dir, read)
    record = {"digest": data.digest()}
    image_data.check_record(record, folder.noted_data(), config.data.source)
    folder.note_data(record)
    # Too few test classes are found now, and not after hours of training.
    few_shot_episodes.fixed_episodes(config, data.test, config.test_episodes)
    opening_lines.print_few_shot(config, data)
    # After the data: their first preparation draws random numbers.
    runtime.configure(config.seed)
    checkpoints, start_step = resumption.resume(
        "few-shot training",
        folder,
        config.steps,
        trainer.state,
        trainer.optimizer,
        config.learning_rate,
    )
    if start_step < config.steps:
        _fit(trainer, data, config, folder, checkpoints, start_step)
    learner = _on_one_device(trainer, config)
    if config.export:
        export.save_few_shot(
            learner, folder.export("saved_model"), config.samples
        )
    result = _result(learner, data, config, folder)
    folder.finish(result)
    return result


def _fit(trainer, data, config, folder, checkpoints, start_step):
    episodes = few_shot_episodes.training_episodes(
        config, data.train, start_step
    )
    validate = None
    if config.validation_episodes and not config.data.train_on_validation:
        validate = _validator(trainer, data, config)
    folder.start()
    log = run_log.RunLog(
        folder,
        checkpoints,
        steps=config.steps,
        start_step=start_step,
        log_every=config.log_every,
        checkpoint_every=config.checkpoint_every,
        title=f"{config.algorithm}, {config.inner_perturbation}",
        evaluate=validate,
    )
    trainer.fit(
        episodes,
        steps_per_epoch=config.steps - start_step,
        callbacks=[log],
        shuffle=False,  # the episodes are random
        verbose=0,
    )


def _validator(trainer, data, config):
    """Returns the function that validates the learner as it is."""
    episodes = few_shot_episodes.fixed_episodes(
        config, data.validation, config.validation_episodes, "validation"
    )
    learner = trainer.learner
    evaluator = episode_evaluation.EpisodeEvaluator(
        learner, config.samples, config.noise_in_test
    )

    def noise_shares():
        (images, *_), *_, (seed, *_) = next(iter(episodes))
        shares = block_outputs.noise_shares(
            learner.network, learner.values(), images, seed
        )
        return {
            f"noise_share_{place}": float(share)
            for place, share in zip((*range(1, len(shares)), "logits"), shares)
        }

    def validate():
        found = few_shot_evaluation.answers_metrics(
            evaluator.evaluate(episodes)
        )
        stochastic = learner.network.perturbation.STOCHASTIC
        return {
            "validation_loss": found["negative_log_likelihood"],
            "validation_accuracy": found["accuracy"] / 100,
            **(noise_shares() if stochastic else {}),
        }

    return validate


def _on_one_device(trainer, config):
    """Returns a learner with the trained weights, outside of any strategy."""
    learner = few_shot_methods.make_learner(config)
    learner.set_weights(trainer.learner.get_weights())
    return learner


def _result(learner, data, config, folder):
    last = folder.last_window()
    result = few_shot_evaluation.test_metrics(learner, data.test, config)
    if "validation_accuracy" in last:
        result["validation_accuracy"] = 100 * last["validation_accuracy"]
    return {
        **result,
        **few_shot_evaluation.settings(config, config),
        "query_loss": last["query_loss"],
        "query_accuracy": 100 * last["query_accuracy"],
        "seconds": folder.seconds(),
        "data_digest": data.digest(),
        "software": fingerprints.software_fingerprint(),
        "versions": runtime.versions(),
    }
