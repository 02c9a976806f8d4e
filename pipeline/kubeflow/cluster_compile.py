"""Writes the pipeline as Kubeflow's intermediate YAML, for a cluster.

The container image is the parameter `image` of the compiled pipeline, with the
name given here as its default.
"""

import pathlib
import tempfile

from absl import logging
from kfp import compiler

from mp_keras import files
from pipeline.kubeflow import definition
from pipeline.kubeflow import targets
from pipeline.storage import artifact_store


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
    places = _local_places(config, workdir, data_dir)
    if places:
        logging.warning(
            "These places of this machine go into %s, and every container has "
            "to have them too: %s",
            file,
            ", ".join(places),
        )


def _local_places(config, workdir, data_dir):
    """Returns the paths of this machine that a pipeline would name."""
    parts = [config.source, *targets.expand(config).values()]
    places = [str(workdir), data_dir]
    for part in parts:
        source_kind, _, place = part.data.source.partition(":")
        if source_kind not in ("paper", "subset", "tfds"):  # names
            places.append(place)
        places.append(part.data.manual_dir)
    return [
        place
        for place in dict.fromkeys(places)
        if place and not artifact_store.is_uri(place)
    ]
