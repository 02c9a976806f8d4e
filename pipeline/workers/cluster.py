"""Who trains together: the cluster that `TF_CONFIG` describes.

TensorFlow's own form, the same on every worker but for `task`:

    {"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]},
     "task": {"type": "worker", "index": 0}}

The chief is the only task of the job `chief` or, without one, worker 0.
"""

import dataclasses
import os
import re
import socket

import tensorflow as tf

JOBS = ("chief", "worker")  # in TensorFlow's order
_EXPECTED = (
    "Environment variable TF_CONFIG must be TensorFlow's JSON, "
    '{"cluster": {"worker": ["HOST:PORT", ...]}, '
    '"task": {"type": "worker", "index": 0}}'
)
_PROBE_S = 1.0  # for one peer's port to answer


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The processes of one run, and which of them this is.

    Args:
        names: Tuple of str, one per process, the chief first: "worker 1".
        addresses: Tuple of "HOST:PORT".
        number: Int, the place of this process among them.
    """

    names: tuple = ("worker 0",)
    addresses: tuple = ("",)
    number: int = 0

    @property
    def size(self):
        """The number of processes."""
        return len(self.names)

    @property
    def is_chief(self):
        return self.number == 0

    @property
    def name(self):
        """The name of this process: "worker 1"."""
        return self.names[self.number]

    def peers(self):
        """Returns (name, address) of the other processes."""
        pairs = zip(self.names, self.addresses)
        return [p for n, p in enumerate(pairs) if n != self.number]

    def silent_peers(self, peers=None):
        """Returns those peers whose port is closed.

        Args:
            peers: List like `peers()`, or None (default) for all of them.
        """
        peers = self.peers() if peers is None else peers
        return [peer for peer in peers if not _answers(peer[1])]


def from_environment():
    """Returns the `Cluster` of `TF_CONFIG`.

    Raises: ValueError, if it is missing, does not parse, lacks a part or names
        a task that is not in it.
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text.strip():
        raise ValueError(f"{_EXPECTED}. Received: no TF_CONFIG")
    try:
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        jobs = resolver.cluster_spec().as_dict()
        job, index = resolver.task_type, resolver.task_id
    # What it does not expect raises nearly anything.
    except Exception as error:
        raise ValueError(f"{_EXPECTED}. Received: {text!r}, {error}") from error
    for key, part in (("cluster", jobs), ("task", job)):
        if not part:
            raise ValueError(f"{_EXPECTED}. Received: no `{key}` in {text}")
    _check_jobs(jobs)
    places = [
        (job, index, address)
        for job in JOBS
        for index, address in enumerate(jobs.get(job, []))
    ]
    return Cluster(
        tuple(f"{job} {index}" for job, index, _ in places),
        tuple(address for _, _, address in places),
        _number(job, index, places),
    )


def _check_jobs(jobs):
    unknown = sorted(jobs.keys() - set(JOBS))
    if unknown:
        raise ValueError(
            f"The `cluster` of TF_CONFIG must have the jobs {JOBS} only; every "
            f"task of them trains. Received: {unknown}"
        )
    every = [address for job in jobs.values() for address in job]
    for address in every:
        match = re.fullmatch(r"\S+:(\d{1,5})", str(address))
        if not match or not 0 < int(match.group(1)) < 65536:
            raise ValueError(
                "The addresses of TF_CONFIG must be HOST:PORT. "
                f"Received: {address!r}"
            )
    twice = sorted({a for a in every if every.count(a) > 1})
    if twice:
        raise ValueError(
            "Every task of TF_CONFIG must have an address of its own. "
            f"Received: {twice} more than once"
        )
    if len(jobs.get("chief", [])) > 1:
        raise ValueError(
            "Job 'chief' of TF_CONFIG must have one task. "
            f"Received: {jobs['chief']}"
        )


def _number(job, index, places):
    """Returns which of the places a task is."""
    indices = [known for name, known, _ in places if name == job]
    if not indices:
        raise ValueError(
            "The `type` of TF_CONFIG's `task` must be a job of its `cluster`. "
            f"Received: {job!r}"
        )
    if index not in indices:
        raise ValueError(
            f"The `index` of TF_CONFIG's `task` must be in 0 to {indices[-1]}, "
            f"as its `cluster` has {len(indices)} of job {job!r}. "
            f"Received: {index!r}"
        )
    return [place[:2] for place in places].index((job, index))


def _answers(address):
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _PROBE_S):
            return True
    except OSError:
        return False
