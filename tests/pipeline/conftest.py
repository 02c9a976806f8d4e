"""The source that the tests of `pipeline` share."""

import pytest

from tests import squares


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """The name of a small npz source of 4 classes."""
    folder = tmp_path_factory.mktemp("source")
    return squares.write_npz(folder / "squares.npz")
