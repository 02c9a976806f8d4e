"""The stages as Kubeflow components: typed artifacts around plain functions.

Each body is sent to a process or container of its own and imports its stage
there; nothing but paths, JSON and strings goes in. They are apart from the
stages because the engine's runtime, which the stages run in, cannot define
components.
"""

from typing import Optional

from kfp import dsl

# The image that a cluster runs the components in; it holds this repository.
IMAGE = "mp-keras-python:0.1.0"


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def example_gen(
    examples: dsl.Output[dsl.Dataset],
    options: str,
    data_dir: str,
    fingerprint: str,
):
    """Kubeflow component of `generate_examples`; `options` is JSON.

    Options that name a place for shards call for `generate_shards`.
    """
    import json

    from pipeline.stages import example_gen as stage

    arguments = json.loads(options)
    generate = stage.generate_examples
    if "shards" in arguments:
        generate = stage.generate_shards
    examples.metadata.update(
        generate(
            directory=examples.path, data_dir=data_dir or None, **arguments
        )
    )


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def meta_trainer(
    examples: dsl.Input[dsl.Dataset],
    run: dsl.Output[dsl.Model],
    config: str,
    runs: str,
    fingerprint: str,
):
    """Kubeflow component of `train`; `config` is JSON."""
    from pipeline import fingerprints
    from pipeline.stages import meta_trainer as stage

    result = stage.train(
        examples.path,
        fingerprints.from_json(config),
        runs,
        fingerprint,
        run.path,
    )
    run.metadata.update(result)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def phi_exporter(
    run: dsl.Input[dsl.Model], phi: dsl.Output[dsl.Model], fingerprint: str
):
    """Kubeflow component of `export`."""
    from pipeline.stages import phi_exporter as stage

    phi.metadata.update(stage.export(run.path, phi.path))


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def tuner(
    source: dsl.Input[dsl.Dataset],
    target: dsl.Input[dsl.Dataset],
    phi: dsl.Input[dsl.Model],
    choice: dsl.Output[dsl.Artifact],
    methods: str,
    settings: str,
    config: str,
    runs: str,
    fingerprint: str,
):
    """Kubeflow component of `tune`; all but `runs` and `fingerprint` JSON."""
    import json
    import pathlib

    from mp_keras import files
    from pipeline import fingerprints
    from pipeline.stages import tuner as stage

    found = stage.tune(
        source.path,
        target.path,
        phi.path,
        json.loads(methods),
        fingerprints.from_json(config),
        json.loads(settings),
        runs,
        fingerprint,
    )
    pathlib.Path(choice.path).parent.mkdir(parents=True, exist_ok=True)
    files.write_json(choice.path, found)
    choice.metadata.update(found)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def target_trainer(
    examples: dsl.Input[dsl.Dataset],
    phi: dsl.Input[dsl.Model],
    classifiers: dsl.Output[dsl.Model],
    method: str,
    seeds: str,  # the fields of a loop's item are strings to the engine
    config: str,
    runs: str,
    fingerprint: str,
    choice: Optional[dsl.Input[dsl.Artifact]] = None,
):
    """Kubeflow component of `train_seeds`; `seeds` and `config` are JSON."""
    import json

    from mp_keras import files
    from pipeline import fingerprints
    from pipeline.stages import target_trainer as stage

    results = stage.train_seeds(
        examples.path,
        phi.path,
        method,
        json.loads(seeds),
        fingerprints.from_json(config),
        runs,
        fingerprint,
        classifiers.path,
        choice=files.read_json(choice.path) if choice else None,
    )
    classifiers.metadata.update(
        {str(result["seed"]): result for result in results}
    )


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluator(
    classifiers: dsl.Input[list[dsl.Model]],
    examples: dsl.Input[dsl.Dataset],
    meta_run: dsl.Input[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    results: dsl.Output[dsl.Artifact],
    label: str,
    config: str,
    fingerprint: str,
    choice: Optional[dsl.Input[dsl.Artifact]] = None,
):
    """Kubeflow component of `evaluate`; `config` is JSON."""
    import pathlib
    import shutil

    from mp_keras import files
    from pipeline import fingerprints
    from pipeline.stages import evaluator as stage
    from pipeline.stages import target_trainer

    result = stage.evaluate(
        target_trainer.run_folders(each.path for each in classifiers),
        examples.path,
        meta_run.path,
        fingerprints.from_json(config),
        label,
        results.path,
        choice=files.read_json(choice.path) if choice else None,
    )
    # A metrics artifact without a file would never be reused.
    for name, path in (
        (f"{label}/evaluation.json", metrics.path),
        (f"{label}.html", report.path),
    ):
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(f"{results.path}/{name}", path)
    for method, numbers in result["summary"].items():
        for metric, interval in numbers.items():
            metrics.log_metric(f"{method}/{metric}", interval["mean"])


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def pusher(
    classifiers: dsl.Input[list[dsl.Model]],
    metrics: dsl.Input[dsl.Metrics],
    pushed: dsl.Output[dsl.Artifact],
    label: str,
    destination: str,
    fingerprint: str,
):
    """Kubeflow component of `push`."""
    import pathlib

    from mp_keras import files
    from pipeline.stages import pusher as stage
    from pipeline.stages import target_trainer

    result = stage.push(
        metrics.path,
        target_trainer.run_folders(each.path for each in classifiers),
        f"{destination}/{label}",
    )
    pathlib.Path(pushed.path).parent.mkdir(parents=True, exist_ok=True)
    files.write_json(pushed.path, result)
    pushed.metadata.update(pushed=str(result["pushed"]))


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def reporter(
    results: dsl.Input[list[dsl.Artifact]],
    report: dsl.Output[dsl.HTML],
    collection: dsl.Output[dsl.Artifact],
    title: str,
    fingerprint: str,
):
    """Kubeflow component of `report`."""
    import pathlib
    import shutil

    from pipeline.stages import reporter as stage

    stage.report([part.path for part in results], title, collection.path)
    pathlib.Path(report.path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(f"{collection.path}/report.html", report.path)
