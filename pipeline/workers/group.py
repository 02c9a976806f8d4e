"""What the workers of a run agree on, before and after they train.

One primitive, `exchange`, gives every worker what all of them have; the rest
is decided alike by each. A run of one process is a group of one.
"""

import json

import tensorflow as tf

from pipeline.runs import run_configs
from pipeline.workers import cluster as cluster_module


class WorkerGroup:
    """The workers that train together.

    Args:
        cluster: `Cluster`, or None (default) for this process alone.
        strategy: `tf.distribute.Strategy` that spans it, or None for one
            device.
    """

    def __init__(self, cluster=None, strategy=None):
        self.cluster = cluster or cluster_module.Cluster()
        self.strategy = strategy

    @property
    def is_chief(self):
        """Whether this process writes what there is one of."""
        return self.cluster.is_chief

    def exchange(self, value):
        """Returns the values of all workers, in their order.

        Every worker must call it, the same number of times.

        Args:
            value: JSON-compatible.
        """
        text = json.dumps([self.cluster.number, value], sort_keys=True) + "\n"
        if self.cluster.size == 1:
            codes = list(text.encode())
        else:
            sent = tf.constant(list(text.encode()), tf.int32)
            codes = self.strategy.gather(sent, axis=0).numpy().tolist()
        lines = bytes(codes).decode().splitlines()
        return [value for _, value in sorted(map(json.loads, lines))]

    def check_same(self, values):
        """Refuses workers that differ in what decides the result.

        Args:
            values: Dict of JSON-compatible values; those of
                `run_configs.PLACES` may differ.

        Raises: ValueError, on every worker; names a key and who has what.
        """
        first, *others = self.exchange(values)
        for number, other in enumerate(others, 1):
            difference = run_configs.first_difference(first, other)
            if difference:
                key, ours, theirs = difference
                names = self.cluster.names
                raise ValueError(
                    "All workers must have the same config, data and "
                    f"software. Received: {key}={ours!r} at {names[0]}, "
                    f"{key}={theirs!r} at {names[number]}"
                )

    def newest_common_step(self, steps):
        """Returns the newest step that all workers can resume from, or 0.

        Args:
            steps: List of int, the checkpoints of this worker.

        Raises: ValueError, on every worker, if one has several checkpoints
            and there is no common one: then some are lost.
        """
        of_all = self.exchange(list(steps))
        common = set.intersection(*map(set, of_all))
        if common:
            return max(common)
        if max(map(len, of_all)) > 1:
            found = ", ".join(
                f"{steps or 'none'} at {name}"
                for name, steps in zip(self.cluster.names, of_all)
            )
            raise ValueError(
                "All workers must have the checkpoint of one step to resume. "
                f"Received: those of steps {found}. Give the run a `workdir` "
                "that all workers share, or a new one"
            )
        return 0

    def wait(self):
        """Returns when every worker has called it."""
        self.exchange(None)

    def announce(self, text):
        """Prints a line that names this worker, if there are several."""
        if self.cluster.size > 1:
            print(f"{self.cluster.name}: {text}", flush=True)
