"""One meta-training and one target training that the tests here share."""

import pytest

from tests import squares
from tests.tools import processes

# Long enough to be killed twice on the way.
_LENGTH = ("--config.steps=24", "--config.checkpoint_every=4")


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """The name of a small npz source."""
    folder = tmp_path_factory.mktemp("source")
    return squares.write_npz(folder / "squares.npz")


@pytest.fixture(scope="session")
def meta_arguments(source):
    """The command line of a meta-training, without its folder."""
    config = "--config=configs/meta_train/glyphs.py:conv4,smoke"
    return ("meta_train", config, f"--config.data.source={source}", *_LENGTH)


@pytest.fixture(scope="session")
def meta_run(meta_arguments, tmp_path_factory):
    """The folder of an unbroken meta-training."""
    workdir = tmp_path_factory.mktemp("meta_run")
    processes.succeed(*meta_arguments, f"--workdir={workdir}")
    return workdir


@pytest.fixture(scope="session")
def target_arguments(source, meta_run):
    """The command line of a target training with the φ of `meta_run`."""
    return (
        "train_target",
        "--config=configs/target/default.py:conv4,smoke",
        f"--config.data.source={source}",
        f"--config.phi={meta_run / 'phi'}",
        "--config.data.examples_per_class=0",
        *_LENGTH,
    )


@pytest.fixture(scope="session")
def target_run(target_arguments, tmp_path_factory):
    """The folder of an unbroken target training."""
    workdir = tmp_path_factory.mktemp("target_run")
    processes.succeed(*target_arguments, f"--workdir={workdir}")
    return workdir
