"""Cells that are target trainings (MetaPerturb); see run_kinds.py."""

from pipeline.experiments import target_measures
from pipeline.trainings import target_data
from pipeline.trainings import target_training

SECTION = "target"
METHOD = "method"
OPEN_SECTIONS = ("network_options",)  # what a network takes, it knows itself
DECIMALS = {}
NOTE = (
    "Ours: mean ± 95 % interval over seeds (Student's t); without an interval, "
    "one seed. Test examples are used for this table alone."
)
MEASURES = target_measures.MEASURES

kept_in_memory = target_data.kept_in_memory
open_run = target_measures.TargetRun


def train(config, folder, data_dir):
    """Returns the result of one target training, run if need be."""
    return target_training.train_target(config, folder, data_dir)


def protocol(config):
    """Says in what a target config differs from another one."""
    return (
        f"({config.data.source}): {config.network}, {config.image_size} "
        f"pixels, {config.steps} steps of {config.batch_size} images, "
        f"{config.samples} noise samples"
    )
