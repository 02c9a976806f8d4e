"""The whole pipeline, as Kubeflow runs it locally or on a cluster.

    ExampleGen (source) -> MetaTrainer -> PhiExporter -+
    ExampleGen (target) -------------------------------+-> TargetTrainer,
        one a method and seed -> Evaluator -> Pusher

The trap: the engine reuses a finished step when the component's own source
and its arguments are the same. It knows neither the installed packages nor the
bytes behind a path, so both go in as the argument `fingerprint`.
"""

import pathlib
from typing import NamedTuple

from kfp import dsl

from pipeline import configuration
from pipeline.kubeflow_components import evaluator
from pipeline.kubeflow_components import example_gen
from pipeline.kubeflow_components import meta_trainer
from pipeline.kubeflow_components import phi_exporter
from pipeline.kubeflow_components import pusher
from pipeline.kubeflow_components import target_trainer


class Outputs(NamedTuple):
    """What the pipeline hands out."""

    metrics: dsl.Metrics
    report: dsl.HTML
    pushed: dsl.Artifact


def make_pipeline(config, workdir, data_dir=None):
    """Returns the Kubeflow pipeline of a config.

    Args:
        config: Config of `configs/pipeline/`.
        workdir: Path-like: resumable runs and pushed models lie in it.
        data_dir: Where TFDS keeps prepared data sets; default: in `workdir`.

    Raises: FileNotFoundError, if a source names data that is not there.
    """
    workdir = pathlib.Path(workdir).resolve()
    data_dir = str(data_dir or workdir / "tensorflow_datasets")
    runs, serving = str(workdir / "runs"), str(workdir / "serving")
    software = configuration.software_fingerprint()
    prints = {
        name: software
        + configuration.source_fingerprint(
            part.data.source, part.data.manual_dir
        )
        for name, part in (("source", config.source), ("target", config.target))
    }
    trainings = [
        {"method": method, "seed": str(seed)}
        for method in config.methods
        for seed in config.seeds
    ]

    def examples_of(part, name):
        task = example_gen(
            source=part.data.source,
            image_size=part.image_size,
            manual_dir=part.data.manual_dir,
            data_dir=data_dir,
            seed=part.data.seed,
            test_fraction=part.data.get("test_fraction", 0.2),
            fingerprint=prints[name],
        )
        return task.set_display_name(f"ExampleGen ({name})")

    @dsl.pipeline(name=config.name)
    def pipeline() -> Outputs:
        source = examples_of(config.source, "source")
        target = examples_of(config.target, "target")
        learned = meta_trainer(
            examples=source.outputs["examples"],
            config=configuration.to_json(config.source),
            runs=runs,
            fingerprint=prints["source"],
        )
        exported = phi_exporter(
            run=learned.outputs["run"], fingerprint=software
        )
        target_config = configuration.to_json(config.target)
        with dsl.ParallelFor(trainings) as training:
            trained = target_trainer(
                examples=target.outputs["examples"],
                phi=exported.outputs["phi"],
                method=training.method,
                seed=training.seed,
                config=target_config,
                runs=runs,
                fingerprint=prints["target"],
            )
        evaluated = evaluator(
            classifiers=dsl.Collected(trained.outputs["classifier"]),
            examples=target.outputs["examples"],
            meta_run=learned.outputs["run"],
            config=target_config,
            fingerprint=software,
        )
        done = pusher(
            metrics=evaluated.outputs["metrics"],
            destination=serving,
            fingerprint=software,
        )
        return Outputs(
            metrics=evaluated.outputs["metrics"],
            report=evaluated.outputs["report"],
            pushed=done.outputs["pushed"],
        )

    return pipeline
