"""What the main environment exported; two CPUs, for replicas."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

_ROOT = pathlib.Path(__file__).resolve().parents[3]

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)


def pytest_addoption(parser):
    parser.addoption(
        "--artifacts",
        type=pathlib.Path,
        default=_ROOT / "build" / "tfa",
        help="folder that tests.environments.export_for_tfa wrote",
    )


@pytest.fixture(autouse=True)
def _seeded():
    tf.keras.utils.set_random_seed(0)


def pytest_generate_tests(metafunc):
    """Every case of the export is a test of its own."""
    if "case" in metafunc.fixturenames:
        cases = _description(metafunc.config)["cases"]
        names = [case["name"] for case in cases]
        metafunc.parametrize("case", cases, ids=names, indirect=True)


@pytest.fixture(scope="session")
def artifacts(request):
    """The folder of the export; not to be changed."""
    return _folder(request.config)


@pytest.fixture(scope="session")
def exported(request, artifacts):
    """The cases, the numbers of each φ, and the native layers' arrays."""
    with np.load(artifacts / "layers.npz") as arrays:
        return {**_description(request.config), "arrays": dict(arrays)}


def _folder(config):
    folder = config.getoption("--artifacts").resolve()
    if not (folder / "cases.json").is_file():
        raise pytest.UsageError(
            f"{folder} must be a folder of `python -m tests.environments."
            "export_for_tfa FOLDER` in the main environment; `make test-tfa` "
            "makes it"
        )
    return folder


def _description(config):
    return json.loads((_folder(config) / "cases.json").read_text())
