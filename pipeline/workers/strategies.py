"""On which devices, and with which others, a meta-training runs."""

import tensorflow as tf

from mp_keras import replicas as mirrored
from pipeline.workers import connection

ONE_DEVICE = "one_device"
MIRRORED = "mirrored"
MULTI_WORKER = "multi_worker"
NAMES = (ONE_DEVICE, MIRRORED, MULTI_WORKER)


def check_name(name, replicas):
    """Returns the strategy that a flag and a config ask for together.

    Args:
        name: One of `NAMES`, or None for what the config says.
        replicas: Int, the config's.

    Raises: ValueError, if they contradict each other.
    """
    if name is None:
        return MIRRORED if replicas > 1 else ONE_DEVICE
    expected = {
        ONE_DEVICE: (replicas == 1, "--config.replicas=1"),
        MIRRORED: (replicas > 1, "--config.replicas of at least 2"),
        MULTI_WORKER: (
            replicas == 1,
            "--config.replicas=1, as TF_CONFIG and the GPUs of each worker "
            "decide how many there are",
        ),
    }
    fits, what = expected[name]
    if not fits:
        raise ValueError(
            f"Flag --strategy={name} needs {what}. "
            f"Received: replicas={replicas}"
        )
    return name


def make_strategy(replicas, cluster=None, timeout_s=300, is_finished=None):
    """Returns the strategy, or None for one device.

    Args:
        replicas: Int, how many devices of this machine share the tasks, where
            there is one process.
        cluster: `Cluster` to join with all GPUs of this process, or with one
            CPU device; or None.
        timeout_s: Float, seconds to wait for the other workers.
        is_finished: Function without arguments: whether waiting for them is
            needless, as `connection.connect` has it.

    Raises: ValueError, if there are not so many devices.
    """
    if cluster is not None and cluster.size > 1:
        return connection.connect(cluster, timeout_s, is_finished)
    if replicas > 1:
        return mirrored.mirrored_strategy(_devices(replicas))
    return None


def _devices(replicas):
    """Returns `replicas` GPUs, or as many logical devices on the CPU."""
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    devices = tf.config.list_physical_devices(kind)
    if kind == "CPU" and len(tf.config.list_logical_devices(kind)) < replicas:
        raise ValueError(
            f"Config key `replicas` must be at most the logical CPU devices, "
            f"{len(tf.config.list_logical_devices(kind))} here: split the CPU "
            f"before TensorFlow starts. Received: replicas={replicas}"
        )
    if kind == "GPU" and len(devices) < replicas:
        raise ValueError(
            f"Config key `replicas` must be at most {len(devices)}, the GPUs "
            f"here. Received: replicas={replicas}"
        )
    return [f"{kind}:{index}" for index in range(replicas)]
