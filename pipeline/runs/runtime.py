"""What a training process sets up before its first graph.

The same seed must give the same numbers in every process, bit for bit: a run
that was killed and resumed equals one that was not.
"""

import os
import pathlib
import platform

import keras
import tensorflow as tf

import mp_keras


def configure(seed):
    """Seeds Python, NumPy, TensorFlow and Keras, and fixes the graph.

    Args:
        seed: Int >= 0.
    """
    keras.utils.set_random_seed(seed)
    # Between processes, Grappler's arithmetic rewrites pick different but
    # equivalent graphs, whose last bits differ.
    tf.config.optimizer.set_experimental_options(
        {"arithmetic_optimization": False}
    )


def split_cpu(replicas):
    """Makes as many logical CPU devices as replicas, where there is no GPU.

    Must be called before TensorFlow starts its devices.

    Args:
        replicas: Int >= 1.
    """
    if replicas > 1 and not tf.config.list_physical_devices("GPU"):
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * replicas,
        )


def versions():
    """Returns the versions that a result depends on, by name."""
    return {
        "mp_keras": mp_keras.__version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "python": platform.python_version(),
    }


def machine():
    """Returns the cores and the devices of this machine, in words."""
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = [
        line.partition(":")[2].strip()
        for line in lines.splitlines()
        if line.startswith("model name")
    ]
    name = models[0] if models else platform.machine()
    gpus = len(tf.config.list_physical_devices("GPU"))
    return f"{len(os.sched_getaffinity(0))} cores, {name}, {gpus or 'no'} GPU"
