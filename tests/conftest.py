"""Splits the CPU in two before TensorFlow starts, for replica tests."""

import pathlib

import keras
import pytest
import tensorflow as tf

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared"

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def shared():
    """The folder of papers, real images and published figures, if here."""
    if not SHARED.exists():
        pytest.skip("the shared data is not on this machine")
    return SHARED
