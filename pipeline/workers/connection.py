"""Joins the other workers, or says who did not come.

The trap: TensorFlow's start-up waits for all workers without a word and
without an end, and no thread of Python runs beside it. So the workers first
meet at their ports, in Python, where one can count and give up; what goes
wrong after that is watched by a process of its own.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import tensorflow as tf

from pipeline.workers import restarts

_INTERVAL_S = 0.3
# Arguments: a process, seconds, a message. Its standard input closes when the
# process has joined, or is gone.
_GUARD = """
import os, select, signal, sys
if not select.select([sys.stdin], [], [], float(sys.argv[2]))[0]:
    print(sys.argv[3], file=sys.stderr, flush=True)
    os.kill(int(sys.argv[1]), signal.SIGKILL)
"""


def connect(cluster, timeout_s, is_finished):
    """Returns the strategy that spans the cluster, once all are there.

    Must be called before TensorFlow has done anything.

    Args:
        cluster: `Cluster` of two processes or more.
        timeout_s: Float > 0, seconds.
        is_finished: Function without arguments: whether the run was finished
            by the others in the meantime. Then this process starts anew.

    Raises: ValueError, if `timeout_s` is not positive; ConnectionError, if
        this worker cannot listen at its port, or another does not come in
        time. One that comes and does not join, as with another `TF_CONFIG`,
        ends this process.
    """
    if not timeout_s > 0:
        raise ValueError(
            "Flag --worker_timeout must be positive. "
            f"Received: worker_timeout={timeout_s}"
        )
    meet(cluster, timeout_s, is_finished)
    with _guarded(cluster, timeout_s):
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    # TensorFlow takes SIGTERM for a notice that it may ignore. A worker that
    # is told to go can go at once: its checkpoints are kept.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return strategy


def meet(cluster, timeout_s, is_finished):
    """Listens at this worker's port until all others' ports have answered."""
    deadline = time.monotonic() + timeout_s
    missing = cluster.peers()
    with _listening(cluster) as server:
        while missing:
            if is_finished():
                restarts.start_anew()
            _accept(server)
            missing = cluster.silent_peers(missing)
            if missing and time.monotonic() > deadline:
                raise ConnectionError(
                    f"All {cluster.size} workers of TF_CONFIG must come within "
                    f"{timeout_s:g} s (flag --worker_timeout). Received: "
                    f"nothing from {_named(missing)}"
                )
            time.sleep(_INTERVAL_S if missing else 0)


def _listening(cluster):
    """Returns a socket that listens as TensorFlow will, on all interfaces."""
    address = cluster.addresses[cluster.number]
    port = int(address.rpartition(":")[2])
    both = socket.has_dualstack_ipv6()
    try:
        server = socket.create_server(
            ("", port),
            family=socket.AF_INET6 if both else socket.AF_INET,
            dualstack_ipv6=both,
        )
    except (OSError, OverflowError) as error:
        raise ConnectionError(
            f"{cluster.name} must be able to listen at {address}, its address "
            f"in TF_CONFIG. Received: {error}"
        ) from error
    server.setblocking(False)
    return server


def _accept(server):
    """Takes and drops what has called, so that the queue stays short."""
    with contextlib.suppress(BlockingIOError):
        while True:
            server.accept()[0].close()


@contextlib.contextmanager
def _guarded(cluster, timeout_s):
    """Ends this process with a message, if the block lasts too long."""
    message = (
        f"Error: All {cluster.size} workers of TF_CONFIG must join within "
        f"{timeout_s:g} s (flag --worker_timeout), each with the same "
        f"`cluster`. Received: an open port, but no common cluster, of "
        f"{_named(cluster.peers())}"
    )
    process, seconds = str(os.getpid()), str(timeout_s)
    guard = subprocess.Popen(
        [sys.executable, "-I", "-c", _GUARD, process, seconds, message],
        stdin=subprocess.PIPE,
    )
    try:
        yield
    finally:
        guard.stdin.close()
        guard.wait()


def _named(peers):
    return ", ".join(f"{name} at {address}" for name, address in peers)
