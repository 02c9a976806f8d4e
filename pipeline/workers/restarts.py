"""What a worker does when another one is lost.

TensorFlow's collectives fail in all workers as soon as one of them is gone,
and a process cannot join again. So each survivor starts itself anew, waits for
the lost worker to be restarted, and all resume from their checkpoints.
"""

import os
import sys

import tensorflow as tf

_COUNT = "MP_KERAS_RESTARTS"  # how often this process has started anew
_LOSSES = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.UnavailableError,
)


def is_loss(error):
    """Whether a `tf.errors.OpError` says that another worker is gone."""
    return isinstance(error, _LOSSES) or "Collective ops" in str(error)


def run(function, cluster, max_restarts):
    """Returns `function()`; does not return where another worker is lost.

    Args:
        function: Function without arguments.
        cluster: `Cluster` of two processes or more.
        max_restarts: Int >= 0, how often this process may start anew.

    Raises: ValueError, if `max_restarts` is negative; ConnectionError, if a
        worker is lost once more than that; what `function` raises else.
    """
    if max_restarts < 0:
        raise ValueError(
            "Flag --max_restarts must be at least 0. "
            f"Received: max_restarts={max_restarts}"
        )
    try:
        return function()
    except tf.errors.OpError as error:
        if not is_loss(error):
            raise
        lost = _lost(cluster, str(error))
        count = int(os.environ.get(_COUNT, 0))
        if count >= max_restarts:
            raise ConnectionError(
                f"{cluster.name} lost {lost} and has started anew {count} "
                "times. The same command on every worker resumes the run; "
                "flag --max_restarts allows more"
            ) from error
    print(
        f"{cluster.name} lost {lost}: starts anew and waits for it "
        f"({count + 1} of {max_restarts} times)",
        file=sys.stderr,
    )
    os.environ[_COUNT] = str(count + 1)
    start_anew()


def start_anew():
    """Replaces this process by the same command, under the same id."""
    sys.stdout.flush()
    sys.stderr.flush()
    # What stays open would keep the port, and the lock of the run's folder.
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                os.set_inheritable(int(name), False)
            except OSError:  # the listing's own
                pass
    os.execv(sys.executable, sys.orig_argv)


def _lost(cluster, message):
    """Returns the lost workers' names and addresses, as a phrase."""
    silent = cluster.silent_peers()
    if not silent:  # it is back already
        silent = [
            (name, address)
            for name, address in cluster.peers()
            if "/job:{}/replica:0/task:{} ".format(*name.split()) in message
        ]
    named = [f"{name} at {address}" for name, address in silent]
    return ", ".join(named) or "another worker"
