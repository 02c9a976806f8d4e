"""What all tests share; on TensorFlow, a CPU split in two for replicas.

On another backend of Keras, files that import TensorFlow, or what is built on
it, are not collected, and tests marked `tensorflow_only` are skipped.
"""

import os
import pathlib
import re

import keras
import pytest
from absl import logging

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared"
BACKEND = keras.backend.backend()
_NEEDS_TENSORFLOW = re.compile(
    r"^(?:import|from) (?:tensorflow|configs|pipeline|tools)\b", re.MULTILINE
)

if BACKEND == "tensorflow":
    import tensorflow as tf

    # Before TensorFlow starts.
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
    )
elif BACKEND == "jax":
    # Before JAX starts. XLA compiles a generator of random numbers for a CPU
    # in seconds, or in tenths of them without all of its optimizations.
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")
elif BACKEND == "torch":
    tensor = type(keras.ops.zeros(()))
    as_array = tensor.__array__
    # NumPy sees the values of a tensor that has a gradient, as it does on the
    # other backends.
    tensor.__array__ = lambda self, *args, **kwargs: as_array(
        self.detach(), *args, **kwargs
    )


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "tensorflow_only: what Keras on TensorFlow alone can do"
    )


def pytest_ignore_collect(collection_path):
    if BACKEND == "tensorflow" or collection_path.suffix != ".py":
        return None
    source = collection_path.read_text(encoding="utf-8")
    return True if _NEEDS_TENSORFLOW.search(source) else None


def pytest_collection_modifyitems(items):
    if BACKEND == "tensorflow":
        return
    skip = pytest.mark.skip(reason="needs Keras on TensorFlow")
    for item in items:
        if "tensorflow_only" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session", autouse=True)
def _untuned():
    """No test waits for TensorFlow's tuner of data sets, Keras' included."""
    if BACKEND != "tensorflow":
        yield
        return
    from mp_keras import untuned_datasets

    iterate = tf.data.Dataset.__iter__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            tf.data.Dataset,
            "__iter__",
            lambda dataset: iterate(untuned_datasets.untuned(dataset)),
        )
        yield


@pytest.fixture(scope="session")
def shared():
    """The folder of papers, real images and published numbers, if here."""
    if not SHARED.exists():
        pytest.skip("the shared data is not on this machine")
    return SHARED


@pytest.fixture
def phi():
    """A φ of fresh numbers."""
    import mp_keras

    return mp_keras.PerturbationFunction(seed=1)


@pytest.fixture(scope="module")
def eagerly():
    """Runs what the tests of a module train without graphs, for time."""
    from tests import eager

    with eager.eager_steps():
        yield


@pytest.fixture
def warnings(monkeypatch):
    """The lines of the warnings that are logged, as they come."""
    lines = []
    monkeypatch.setattr(
        logging, "warning", lambda text, *args: lines.append(text % args)
    )
    return lines
