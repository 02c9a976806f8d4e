"""Cells that are few-shot trainings (Meta Dropout); see run_kinds.py."""

import contextlib

from pipeline.experiments import few_shot_measures
from pipeline.trainings import few_shot_training

SECTION = "few_shot"
METHOD = "perturbation"
OPEN_SECTIONS = ()
DECIMALS = {"accuracy": 2}  # as the paper
NOTE = (
    "Ours: of a single seed, mean ± 95 % interval over the test episodes; of "
    "several, mean ± 95 % interval over the seeds (Student's t). All methods "
    "answer the same test episodes, which are used for this table alone."
)
MEASURES = few_shot_measures.MEASURES

kept_in_memory = contextlib.nullcontext
open_run = few_shot_measures.FewShotRun


def train(config, folder, data_dir):
    """Returns the result of one few-shot training, run if need be."""
    return few_shot_training.few_shot_train(config, folder, data_dir)


def protocol(config):
    """Says in what a few-shot config differs from another one."""
    return (
        f"({config.data.source}): {config.ways}-way {config.shots}-shot, "
        f"{config.queries} queries a {config.queries_per}, "
        f"{config.image_size} pixels, {config.channels} channels, "
        f"{config.steps} steps of {config.tasks} tasks, {config.inner_steps} "
        f"inner steps, {config.samples} noise samples, "
        f"{config.test_episodes} test episodes"
    )
