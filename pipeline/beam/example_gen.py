"""ExampleGen on Apache Beam, for data that does not fit one machine.

    the driver lists the examples and writes a plan for each shard
    a worker   reads a plan, decodes and resizes, writes that shard
    the driver checks what the workers say and writes the manifest

One element of the Beam pipeline is one shard, so nothing is shuffled, a retry
writes the same bytes again, and the graph stays small for any data set. The
trap: each runner wraps and repeats errors in its own way. A worker therefore
returns an error of the data as a value.
"""

import contextlib
import hashlib
import io
import json
import pathlib
import re
import tempfile
import uuid

import apache_beam as beam
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions

from mp_keras import files
from pipeline.datasets import argument_checks
from pipeline.datasets import image_data
from pipeline.datasets import shard_folder
from pipeline.datasets import tfrecord_shards
from pipeline.datasets.sources import shard_plans
from pipeline.datasets.sources import tfds_source
from pipeline.storage import artifact_store
from pipeline.storage import places

_SUMMARY = "summary.json"
_ERROR = re.compile(r"^(?:[\w.]+\.)?(\w+(?:Error|Exception)): (.+)$", re.M)


def generate_shards(
    source,
    image_size,
    directory,
    *,
    beam_options=(),
    data_dir=None,
    manual_dir=None,
    test_fraction=0.2,
    seed=0,
    examples_per_shard=None,
):
    """Writes a folder of shards, which `tfrecord:` sources read.

    The examples are those of `datasets.load_images(source,
    keep_repeated=True)`, to the last pixel and in the same order, for no worker
    knows the images of others; of a `tfds:` split in several files, in the
    order of these. What an interrupted run leaves has no manifest and is no
    data set.

    Args:
        source: Str, `folder:PATH` or `tfds:NAME`; PATH may be a URI. The
            workers must be able to read it, for `tfds:` `data_dir`.
        image_size: Int, height and width in pixels.
        directory: Path or URI of a folder that the workers can write. What is
            there must be an earlier result and is replaced.
        beam_options: Strs that go to Beam as they are, as
            "--runner=DataflowRunner"; () runs on this machine. Workers
            elsewhere need this code: name an image of it, as in
            "--sdk_container_image=...".
        data_dir, manual_dir, test_fraction, seed: As for
            `datasets.load_images`, but `manual_dir` must be a path.
        examples_per_shard: Int; default None stands for 64 MiB a shard.

    Returns: the manifest, a dict: `source`, `image_size`, `class_names`,
        `train_examples`, `test_examples`, `digest` (of all shards; it depends
        on how they are cut) and `shards`.

    Raises: FileNotFoundError, ConnectionError, ValueError, as
        `datasets.load_images`, and ValueError for options that Beam refuses;
        ChildProcessError, if Beam fails for another reason.
    """
    image_size = argument_checks.check_int("image_size", image_size, 1)
    seed = argument_checks.check_int("seed", seed, 0)
    argument_checks.check_fraction("test_fraction", test_fraction)
    if examples_per_shard is None:
        examples_per_shard = shard_plans.default_examples_per_shard(image_size)
    argument_checks.check_int("examples_per_shard", examples_per_shard, 1)
    directory = artifact_store.resolved(directory)
    pipeline = _make_pipeline(beam_options)
    names, plans = _plan(
        source,
        image_size,
        examples_per_shard,
        (data_dir or None, manual_dir or None),
        (test_fraction, seed),
    )
    with shard_folder.new_folder(directory) as folder:
        summaries = _run(pipeline, plans, folder)
        manifest = _describe(source, image_size, names, summaries)
        places.write_json(f"{folder}/{tfrecord_shards.MANIFEST}", manifest)
    return manifest


def _plan(source, image_size, per_shard, folders, cut):
    """Returns class names, or the TFDS builder that knows them, and plans."""
    source_kind, _, place = str(source).partition(":")
    if source_kind == "folder" and place:
        place = artifact_store.resolved(place)
        return shard_plans.plan_folder(place, image_size, per_shard, *cut)
    if source_kind == "tfds" and place:
        builder, splits = tfds_source.prepare(place, *folders)
        return builder, shard_plans.plan_tfds(
            builder, place, splits, image_size, per_shard
        )
    raise ValueError(
        "`source` must be folder:PATH or tfds:NAME to be read on Apache Beam. "
        f"Received: source={source!r}"
    )


def _make_pipeline(options):
    """Returns an empty Beam pipeline.

    Raises: ValueError, for a value that does not parse, an unknown runner, or
        one whose packages are not installed.
    """
    if isinstance(options, str):
        raise ValueError(
            "`beam_options` must be a sequence of strings. "
            f"Received: beam_options={options!r}"
        )
    options = list(options)
    printed = io.StringIO()  # argparse says there why it exits
    try:
        with contextlib.redirect_stderr(printed):
            parsed = PipelineOptions(options)
            parsed.get_all_options()
        return beam.Pipeline(options=parsed)
    except (SystemExit, ValueError, ImportError) as error:
        reason = error
        if isinstance(error, SystemExit):
            reason = printed.getvalue().strip().rpartition("\n")[2]
        raise ValueError(
            "`beam_options` must be options of Apache Beam. Received: "
            f"{options} ({' '.join(str(reason).split())})"
        ) from error


def _run(pipeline, plans, folder):
    """Makes the shards and returns what the workers say of them, sorted."""
    work = f"{folder}/{shard_folder.WORK_PREFIX}{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as local:
        for plan in plans:
            files.write_json(pathlib.Path(local, f"{plan['name']}.json"), plan)
        places.put(local, work)
    try:
        (
            pipeline
            | "Plans" >> beam.Create([plan["name"] for plan in plans])
            | "Spread" >> beam.Reshuffle()
            | "Shards" >> beam.Map(_make_shard, work, folder)
            | "Collect" >> beam.combiners.ToList()
            | "Summary" >> beam.Map(_write_summary, work)
        )
        with _worker_errors():
            pipeline.run().wait_until_finish()
        return sorted(
            places.read_json(f"{work}/{_SUMMARY}"),
            key=lambda summary: (len(summary["name"]), summary["name"]),
        )
    finally:
        places.remove_folder(work)


def _make_shard(name, work, folder):
    """Makes one shard, on a worker; returns a summary or the data's error."""
    plan = places.read_json(f"{work}/{name}.json")
    try:
        with tempfile.TemporaryDirectory() as local:
            path = pathlib.Path(local, name)
            summary = tfrecord_shards.write_shard(
                path, shard_plans.read_examples(plan)
            )
            places.put(local, folder)
    except ValueError as error:
        return {"name": name, "error": str(error)}
    return summary


def _write_summary(summaries, work):
    places.write_json(f"{work}/{_SUMMARY}", summaries)


def _describe(source, image_size, names, summaries):
    """Returns the manifest; raises ValueError, if the data cannot be used."""
    for summary in summaries:
        if "error" in summary:
            raise ValueError(summary["error"])
    shards, labels = {"train": [], "test": []}, {"train": set(), "test": set()}
    digest = hashlib.sha256()
    for summary in summaries:
        part = summary["name"].partition("-")[0]
        shards[part].append(summary)
        labels[part] |= set(map(int, summary["labels"]))
        digest.update(f"{summary['name']} {summary['sha256']}\n".encode())
    if not isinstance(names, tuple):
        last = max(labels["train"] | labels["test"], default=0)
        names = tfds_source.class_names(names, last)
    digest.update(json.dumps([names, image_size]).encode())
    image_data.check_labels(
        np.array(sorted(labels["train"])),
        np.array(sorted(labels["test"])),
        names,
        source,
    )
    return {
        "source": source,
        "image_size": image_size,
        "class_names": list(names),
        **{
            f"{part}_examples": sum(shard["examples"] for shard in found)
            for part, found in shards.items()
        },
        "digest": digest.hexdigest(),
        "shards": shards,
    }


@contextlib.contextmanager
def _worker_errors():
    """Takes the error of a worker out of what the runner wraps it in."""
    try:
        yield
    except Exception as error:
        found = _ERROR.findall(f"{type(error).__name__}: {error}")
        kind, message = found[-1] if found else ("", repr(error))
        message = message.partition(" [while running")[0]
        if kind == "ConnectionError":
            raise ConnectionError(message) from error
        raise ChildProcessError(
            f"Apache Beam must finish its pipeline. Received: {kind}: {message}"
        ) from error
