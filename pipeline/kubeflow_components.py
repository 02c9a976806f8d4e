"""The stages as Kubeflow components: typed artifacts around plain functions.

Each body is sent to a process or container of its own and imports its stage
there; nothing but paths, JSON and strings goes in. They are apart from the
stages because the engine's runtime, which the stages run in, cannot define
components.
"""

from kfp import dsl

# The image that a cluster runs the components in; it holds this repository.
IMAGE = "mp-keras-python:0.1.0"


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def example_gen(
    examples: dsl.Output[dsl.Dataset],
    source: str,
    image_size: int,
    manual_dir: str,
    data_dir: str,
    seed: int,
    test_fraction: float,
    fingerprint: str,
):
    """Kubeflow component of `generate_examples`."""
    from pipeline.components import example_gen as stage

    examples.metadata.update(
        stage.generate_examples(
            source,
            image_size,
            examples.path,
            manual_dir=manual_dir or None,
            data_dir=data_dir or None,
            test_fraction=test_fraction,
            seed=seed,
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
    from pipeline import configuration
    from pipeline.components import meta_trainer as stage

    result = stage.train(
        examples.path,
        configuration.from_json(config),
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
    from pipeline.components import phi_exporter as stage

    phi.metadata.update(stage.export(run.path, phi.path))


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def target_trainer(
    examples: dsl.Input[dsl.Dataset],
    phi: dsl.Input[dsl.Model],
    classifier: dsl.Output[dsl.Model],
    method: str,
    seed: str,  # the fields of a loop's item are strings to the engine
    config: str,
    runs: str,
    fingerprint: str,
):
    """Kubeflow component of `train`; `config` is JSON."""
    from pipeline import configuration
    from pipeline.components import target_trainer as stage

    result = stage.train(
        examples.path,
        phi.path,
        method,
        int(seed),
        configuration.from_json(config),
        runs,
        fingerprint,
        classifier.path,
    )
    classifier.metadata.update(result)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluator(
    classifiers: dsl.Input[list[dsl.Model]],
    examples: dsl.Input[dsl.Dataset],
    meta_run: dsl.Input[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    config: str,
    fingerprint: str,
):
    """Kubeflow component of `evaluate`; `config` is JSON."""
    import pathlib
    import shutil
    import tempfile

    from pipeline import configuration
    from pipeline.components import evaluator as stage

    with tempfile.TemporaryDirectory() as folder:
        result = stage.evaluate(
            [classifier.path for classifier in classifiers],
            examples.path,
            meta_run.path,
            configuration.from_json(config),
            folder,
        )
        # A metrics artifact without a file would never be reused.
        for name, path in (
            ("evaluation.json", metrics.path),
            ("report.html", report.path),
        ):
            pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(f"{folder}/{name}", path)
    for method, numbers in result["summary"].items():
        for figure, interval in numbers.items():
            metrics.log_metric(f"{method}/{figure}", interval["mean"])


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def pusher(
    metrics: dsl.Input[dsl.Metrics],
    pushed: dsl.Output[dsl.Artifact],
    destination: str,
    fingerprint: str,
):
    """Kubeflow component of `push`."""
    import pathlib

    from mp_keras import files
    from pipeline.components import pusher as stage

    result = stage.push(metrics.path, destination)
    pathlib.Path(pushed.path).parent.mkdir(parents=True, exist_ok=True)
    files.write_json(pushed.path, result)
    pushed.metadata.update(pushed=str(result["pushed"]))
