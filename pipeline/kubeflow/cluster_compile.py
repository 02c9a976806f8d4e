"""Writes the pipeline as Kubeflow's intermediate YAML, for a cluster.

The container image is the parameter `image` of the compiled pipeline, with the
name given here as its default.
"""

import pathlib
import shutil
import subprocess
import tempfile

from kfp import compiler

from mp_keras import files
from pipeline.kubeflow import definition
from pipeline.storage import artifact_store

_TIMEOUT_S = 60


def compile_pipeline(config, workdir, file, image, data_dir=None):
    """Compiles a pipeline; an old file stays until the new one is whole.

    Args:
        config: Config of `configs/pipeline/`.
        workdir: URI, or a path that the cluster's containers share.
        file: Path-like, ends in .yaml.
        image: Str, NAME:TAG or NAME@sha256:DIGEST.
        data_dir: Where TFDS keeps prepared data sets; default: in `workdir`.

    Raises: ValueError, if `file` or `image` is not well-formed;
        FileNotFoundError, if a source names data that is not there.
    """
    file = pathlib.Path(file)
    if file.suffix not in (".yaml", ".yml"):
        raise ValueError(
            f"The compiled pipeline must be a .yaml file. Received: {file}"
        )
    pipeline = definition.make_pipeline(
        config,
        artifact_store.resolved(workdir),
        data_dir,
        on_cluster=True,
        image=image,
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        written = pathlib.Path(folder, file.name)
        compiler.Compiler().compile(pipeline, str(written))
        files.write_bytes(file, written.read_bytes())


def check_image_exists(image):
    """Asks the image's registry, through docker, whether it has the image.

    Args:
        image: Str, NAME:TAG or NAME@sha256:DIGEST.

    Raises: ValueError, if it has none, cannot be asked, or there is no
        docker.
    """
    docker = shutil.which("docker")
    if docker is None:
        raise ValueError(
            "Checking the image needs the command `docker`. Received: none "
            "on the PATH"
        )
    try:
        answer = subprocess.run(
            [docker, "manifest", "inspect", image],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError(
            f"The registry of image {image} must answer within {_TIMEOUT_S} s. "
            "Received: no answer"
        ) from error
    if answer.returncode:
        raise ValueError(
            f"Image {image} must exist in its registry. Received: "
            f"{answer.stderr.strip()[:300]}"
        )
