"""Cells that are target trainings (MetaPerturb)."""

from pipeline import datasets
from pipeline.experiments import run_kind
from pipeline.experiments import target_measures
from pipeline.trainings import target_training


def _train(config, folder, data_dir, read):
    return target_training.train_target(config, folder, data_dir, read=read)


def _protocol(config):
    return (
        f"({config.data.source}): {config.network}, {config.image_size} "
        f"pixels, {config.steps} steps of {config.batch_size} images, "
        f"{config.samples} noise samples"
    )


RUN_KIND = run_kind.RunKind(
    section="target",
    method="method",
    note="Ours: mean ± 95 % interval over seeds (Student's t); without an "
    "interval, one seed. Test examples are used for this table alone.",
    read=datasets.load_images,
    train=_train,
    protocol=_protocol,
    open_run=target_measures.TargetRun,
    measures=target_measures.MEASURES,
    open_sections=("network_options",),  # what it takes, a network knows itself
)
