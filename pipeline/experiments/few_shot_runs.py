"""Cells that are few-shot trainings (Meta Dropout)."""

from pipeline.datasets import few_shot
from pipeline.experiments import few_shot_measures
from pipeline.experiments import run_kind
from pipeline.trainings import few_shot_training


def _train(config, folder, data_dir, read):
    return few_shot_training.few_shot_train(config, folder, data_dir, read)


def _protocol(config):
    return (
        f"({config.data.source}): {config.ways}-way {config.shots}-shot, "
        f"{config.queries} queries per {config.queries_per}, "
        f"{config.image_size} pixels, {config.channels} channels, "
        f"{config.steps} steps of {config.tasks} tasks, {config.inner_steps} "
        f"inner steps, {config.samples} noise samples, "
        f"{config.test_episodes} test episodes"
    )


RUN_KIND = run_kind.RunKind(
    section="few_shot",
    method="inner_perturbation",
    note="Ours: of a single seed, mean ± 95 % interval over the test episodes; "
    "of several, mean ± 95 % interval over the seeds (Student's t). All "
    "methods answer the same test episodes, which are used for this table "
    "alone.",
    read=few_shot.load_class_images,
    train=_train,
    protocol=_protocol,
    open_run=few_shot_measures.FewShotRun,
    measures=few_shot_measures.MEASURES,
    decimals={"accuracy": 2},  # as the paper
)
