"""Meta-training on a source that is larger than memory may be.

for each size: made-up shards, thrown away after
    memory   anonymous memory of a process after some steps, read from disk
             where the source is larger than a limit
    speed    steps with the same source in memory, on disk with its pages in
             memory (warm) and without them (cold)

A step reads `tasks x 2 x batch` images at random places (Algorithm 1).
"""

import os
import pathlib
import re
import statistics
import tempfile
import time

import keras
import numpy as np

from mp_keras import files
from pipeline import datasets
from pipeline.benchmarks import processes
from pipeline.benchmarks import scaling
from pipeline.datasets import tfrecord_shards
from pipeline.datasets.sources import shard_plans
from pipeline.runs import runtime

_EVERYTHING = 1e6  # GiB: all in memory
_NOTHING = 1e-6  # GiB: all from disk


def measure_all(memory_gib, speed_gib, rounds, folder=None, **case):
    """Returns what it costs to leave a source on disk.

    Args:
        memory_gib: Sequence of floats, GiB of pixels, whose memory is measured.
            The first one is held in memory, the others are not.
        speed_gib: Float, GiB of pixels, for the times.
        rounds: Int, processes of each kind for these, in turn.
        folder: Path-like with room for the shards, or None (default) for the
            system's.
        **case: Further arguments of `measure`.

    Returns: dict with `memory`, {GiB as str: MiB}, and `speed`, {"memory",
        "warm", "cold": milliseconds of a step, the median of the rounds'}.
    """
    memory, speed = {}, {"memory": [], "warm": [], "cold": []}
    for number, gib in enumerate(memory_gib):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            _make_shards(place, gib, case["image_size"], case["classes"])
            limit = _NOTHING if number else _EVERYTHING
            found = _run(place, limit, case)
            memory[f"{gib:g}"] = found["anonymous_mib"]
    with tempfile.TemporaryDirectory(dir=folder) as place:
        _make_shards(place, speed_gib, case["image_size"], case["classes"])
        for _ in range(rounds):
            _forget(place)
            cold = _run(place, _NOTHING, case)
            held = _run(place, _EVERYTHING, case)  # reads, so pages are there
            warm = _run(place, _NOTHING, case)
            for kind, found in (
                ("cold", cold),
                ("memory", held),
                ("warm", warm),
            ):
                speed[kind].append(found["step_ms"])
    medians = {kind: statistics.median(times) for kind, times in speed.items()}
    return {"memory": memory, "speed_gib": speed_gib, "speed": medians}


def measure(source, memory_gib, network, image_size, batch_size, steps, **case):
    """Meta-trains some steps and returns their time and the memory.

    Args:
        source: Str, as for `datasets.load_images`.
        memory_gib: Float, what is larger is read from disk.
        network: Str; see pipeline/trainings/networks.py.
        image_size: Int, pixels.
        batch_size: Int, examples.
        steps: Int, timed ones.
        **case: `tasks`, an int; `classes`, of no use here.

    Returns: dict with `step_ms`, a median, and `anonymous_mib`, MiB.
    """
    runtime.configure(0)
    data = datasets.load_images(
        source, image_size=image_size, memory_gib=memory_gib
    )
    tasks = datasets.split_tasks(
        data.train_images,
        data.train_labels,
        tasks=case["tasks"],
        split="class_wise",
    )
    trainer = scaling.make_trainer(
        scaling.Case(network, batch_size, case["tasks"], image_size=image_size)
    )
    clock = _Clock()
    trainer.fit(
        datasets.task_batches(
            tasks, batch_size=batch_size, seed=0, start_step=0, steps=steps + 1
        ),
        callbacks=[clock],
        verbose=0,
    )
    return {
        "step_ms": 1000 * statistics.median(np.diff(clock.times)),
        "anonymous_mib": _anonymous_mib(),
    }


class _Clock(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.times = []

    def on_train_batch_end(self, batch, logs=None):
        self.times.append(time.perf_counter())


def _anonymous_mib():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) / 1024


def _run(place, memory_gib, case):
    settings = {
        "source": f"tfrecord:{place}",
        "memory_gib": memory_gib,
        **case,
    }
    return processes.run(__name__, settings)


def _make_shards(place, gib, image_size, classes):
    """Writes shards of noise with so many GiB of pixels."""
    place = pathlib.Path(place)
    per_shard = shard_plans.default_examples_per_shard(image_size)
    count = int(gib * 2**30 / (3 * image_size**2))
    generator = np.random.default_rng(0)
    shape = (per_shard, image_size, image_size, 3)
    pixels = generator.integers(256, size=shape, dtype="uint8")
    shards = {"train": [], "test": []}
    for part, examples in (("train", count), ("test", classes)):
        number = -(-examples // per_shard)
        for index in range(number):
            name = tfrecord_shards.shard_name(part, index, number)
            rows = range(min(per_shard, examples - index * per_shard))
            shards[part].append(
                tfrecord_shards.write_shard(
                    place / name, ((pixels[row], row % classes) for row in rows)
                )
            )
    manifest = {
        "image_size": image_size,
        "class_names": [str(label) for label in range(classes)],
        "digest": f"noise of {gib} GiB",
        "shards": shards,
    }
    files.write_json(place / tfrecord_shards.MANIFEST, manifest)


def _forget(place):
    """Takes the pages of a folder's files out of memory."""
    for path in pathlib.Path(place).iterdir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
