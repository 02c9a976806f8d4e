"""Image, resources, retries and caching of a stage, as the config has them."""

import re

_RETRY_AFTER = "60s"
# name, then :tag or @digest, as the OCI distribution specification has it.
_IMAGE = re.compile(
    r"[a-z0-9]([\w.:-]*[a-z0-9])?(/[a-z0-9][\w.-]*)*"
    r"(:[\w][\w.-]{0,127}|@sha256:[0-9a-f]{64})"
)


def check_image(image):
    """Returns the name of a container image, checked to be a definite one.

    Raises: ValueError, if it has neither tag nor digest.
    """
    if not _IMAGE.fullmatch(image):
        raise ValueError(
            "The container image must be NAME:TAG or NAME@sha256:DIGEST, as "
            f"in registry.example/mp-keras:0.1.0. Received: {image!r}"
        )
    return image


def apply_settings(task, settings, image, on_cluster):
    """Sets what a task of the pipeline asks for.

    Args:
        task: `kfp.dsl.PipelineTask`.
        settings: `config.stages.STAGE` (configs/pipeline/stages.py).
        image: Str or parameter of the pipeline.
        on_cluster: Bool. False: caching alone.

    Returns: the task.
    """
    task.set_caching_options(enable_caching=settings.caching)
    if not on_cluster:
        return task
    task.set_container_image(image)
    if settings.cpu:
        task.set_cpu_request(settings.cpu)
    if settings.memory:
        task.set_memory_request(settings.memory)
    if settings.accelerator:
        task.set_accelerator_type(settings.accelerator)
        task.set_accelerator_limit(settings.accelerators)
    if settings.retries:
        task.set_retry(settings.retries, backoff_duration=_RETRY_AFTER)
    return task
