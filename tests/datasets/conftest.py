"""What the tests of `pipeline.datasets` share."""

import pathlib

import numpy as np
import pytest

_SHARED = pathlib.Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def shared_data():
    """The folder of real data; skips the test where there is none."""
    if not _SHARED.is_dir():
        pytest.skip("no ../shared/data here")
    return _SHARED


@pytest.fixture
def numbered_data():
    """Images whose pixels are their numbers: 6 classes of 10, in turn."""
    numbers = np.arange(60, dtype=np.uint8)
    images = np.broadcast_to(numbers[:, None, None, None], (60, 4, 4, 3))
    return images.copy(), np.arange(60) % 6
