"""The whole pipeline, as Kubeflow runs it locally or on a cluster.

    ExampleGen (source) -> MetaTrainer -> PhiExporter -> for each target:
        ExampleGen -> Tuner -> TargetTrainer, one per method and some seeds
        -> Evaluator -> Pusher
    and then, over all targets: Reporter

The Tuner is there if the config's section `tuner` has tasks.

The traps: the engine reuses a finished step when the component's own source
and its arguments are the same. It knows neither the installed packages nor the
bytes behind a path, so both go in as the argument `fingerprint`. And a loop
inside a loop must be a pipeline of its own (kfp 2.17 cannot compile it).
"""

import functools
import json
from typing import NamedTuple

from kfp import dsl

from pipeline import digests
from pipeline import fingerprints
from pipeline.kubeflow import stage_settings
from pipeline.kubeflow import targets as targets_module
from pipeline.kubeflow.components import IMAGE
from pipeline.kubeflow.components import evaluator
from pipeline.kubeflow.components import example_gen
from pipeline.kubeflow.components import meta_trainer
from pipeline.kubeflow.components import phi_exporter
from pipeline.kubeflow.components import pusher
from pipeline.kubeflow.components import reporter
from pipeline.kubeflow.components import target_trainer
from pipeline.kubeflow.components import tuner
from pipeline.storage import artifact_store


class TargetOutputs(NamedTuple):
    """What the pipeline of one target hands out."""

    results: dsl.Artifact


class Outputs(NamedTuple):
    """What the pipeline hands out."""

    report: dsl.HTML
    results: dsl.Artifact


def make_pipeline(
    config, workdir, data_dir=None, on_cluster=False, image=IMAGE
):
    """Returns the Kubeflow pipeline of a config.

    Args:
        config: Config of `configs/pipeline/`.
        workdir: Path-like or URI: resumable runs and pushed models lie in it.
        data_dir: Where TFDS keeps prepared data sets; default: in `workdir`.
        on_cluster: Bool, default False. True: the stages ask for their
            image, resources and retries.
        image: Str, NAME:TAG. Default of the pipeline's parameter `image`.

    Raises: FileNotFoundError, if a source names data that is not there;
        ValueError, if a target or the image is not well-formed.
    """
    stage_settings.check_image(image)
    workdir = artifact_store.resolved(workdir)
    data_dir = str(data_dir or f"{workdir}/tensorflow_datasets")
    stages = _Stages(config.stages, on_cluster)
    software = fingerprints.software_fingerprint()

    @functools.cache  # several targets may be of the same data
    def fingerprint_of(source, manual_dir):
        return software + fingerprints.source_fingerprint(source, manual_dir)

    source_print = fingerprint_of(
        config.source.data.source, config.source.data.manual_dir
    )
    beam = config.beam_options
    items = []
    for label, target in targets_module.expand(config).items():
        target_print = fingerprint_of(
            target.data.source, target.data.manual_dir
        )
        items.append(
            {
                "label": label,
                "examples": _examples_options(
                    target, workdir, beam, target_print
                ),
                "config": fingerprints.to_json(target),
                "fingerprint": target_print,
            }
        )
    make_target = _target_pipeline(config, stages, workdir, data_dir, software)

    @dsl.pipeline(name=config.name)
    def pipeline(image: str = image) -> Outputs:
        source = stages.add(
            example_gen(
                options=_examples_options(
                    config.source, workdir, beam, source_print
                ),
                data_dir=data_dir,
                fingerprint=source_print,
            ),
            image,
            "ExampleGen (source)",
        )
        learned = stages.add(
            meta_trainer(
                examples=source.outputs["examples"],
                config=fingerprints.to_json(config.source),
                runs=f"{workdir}/runs",
                fingerprint=source_print,
            ),
            image,
        )
        exported = stages.add(
            phi_exporter(run=learned.outputs["run"], fingerprint=software),
            image,
        )
        with dsl.ParallelFor(
            items, parallelism=config.parallel_targets if on_cluster else 1
        ) as item:
            evaluated = make_target(
                label=item.label,
                examples_options=item.examples,
                config=item.config,
                fingerprint=item.fingerprint,
                source=source.outputs["examples"],
                phi=exported.outputs["phi"],
                meta_run=learned.outputs["run"],
                image=image,
            )
        reported = stages.add(
            reporter(
                results=dsl.Collected(evaluated.outputs["results"]),
                title=config.name,
                fingerprint=software,
            ),
            image,
        )
        return Outputs(
            report=reported.outputs["report"],
            results=reported.outputs["collection"],
        )

    return pipeline


def _target_pipeline(pipeline_config, stages, workdir, data_dir, software):
    """Returns the pipeline of one target."""
    seeds, together = pipeline_config.seeds, pipeline_config.seeds_together
    trainings = [
        {"method": method, "seeds": json.dumps(seeds[i : i + together])}
        for method in pipeline_config.methods
        for i in range(0, len(seeds), together)
    ]

    @dsl.pipeline(name="target")
    def target(
        label: str,
        examples_options: str,
        config: str,
        fingerprint: str,
        source: dsl.Input[dsl.Dataset],
        phi: dsl.Input[dsl.Model],
        meta_run: dsl.Input[dsl.Model],
        image: str,
    ) -> TargetOutputs:
        generated = stages.add(
            example_gen(
                options=examples_options,
                data_dir=data_dir,
                fingerprint=fingerprint,
            ),
            image,
            "ExampleGen (target)",
        )
        choice = {}
        if pipeline_config.tuner.tasks:
            tuned = stages.add(
                tuner(
                    source=source,
                    target=generated.outputs["examples"],
                    phi=phi,
                    methods=json.dumps(pipeline_config.methods),
                    settings=fingerprints.to_json(pipeline_config.tuner),
                    config=config,
                    runs=f"{workdir}/runs",
                    fingerprint=fingerprint,
                ),
                image,
            )
            choice = {"choice": tuned.outputs["choice"]}
        with dsl.ParallelFor(trainings) as training:
            trained = stages.add(
                target_trainer(
                    examples=generated.outputs["examples"],
                    phi=phi,
                    method=training.method,
                    seeds=training.seeds,
                    config=config,
                    runs=f"{workdir}/runs",
                    fingerprint=fingerprint,
                    **choice,
                ),
                image,
            )
        evaluated = stages.add(
            evaluator(
                classifiers=dsl.Collected(trained.outputs["classifiers"]),
                examples=generated.outputs["examples"],
                meta_run=meta_run,
                label=label,
                config=config,
                fingerprint=software,
                **choice,
            ),
            image,
        )
        stages.add(
            pusher(
                classifiers=dsl.Collected(trained.outputs["classifiers"]),
                metrics=evaluated.outputs["metrics"],
                label=label,
                destination=f"{workdir}/serving",
                fingerprint=software,
            ),
            image,
        )
        return TargetOutputs(results=evaluated.outputs["results"])

    return target


class _Stages:
    """Gives each task the settings of its stage."""

    def __init__(self, settings, on_cluster):
        self._settings = settings
        self._on_cluster = on_cluster

    def add(self, task, image, display_name=None):
        stage = task.component_spec.name.replace("-", "_")
        task.set_display_name(display_name or stage.title().replace("_", ""))
        return stage_settings.apply_settings(
            task, self._settings[stage], image, self._on_cluster
        )


def _examples_options(part, workdir, beam_options, fingerprint):
    """Returns, as JSON, what decides the examples of a source or target.

    Shards go to a place of `workdir` that is named after all that.
    """
    options = {
        "source": part.data.source,
        "image_size": part.image_size,
        "manual_dir": part.data.manual_dir,
        "seed": part.data.seed,
        "test_fraction": part.data.get("test_fraction", 0.2),
    }
    if beam_options:
        key = digests.of_json([options, fingerprint])
        options["shards"] = f"{workdir}/examples/{key}"
        options["beam_options"] = list(beam_options)
    else:
        options["keep_repeated"] = part.data.get("keep_repeated", False)
    return json.dumps(options, sort_keys=True)
