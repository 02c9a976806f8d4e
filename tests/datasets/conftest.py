"""What the tests of `pipeline.datasets` share."""

import numpy as np
import pytest


@pytest.fixture
def shared_data(shared):
    """The folder of real data; skips the test where there is none."""
    return shared / "data"


@pytest.fixture
def numbered_data():
    """Images whose pixels are their numbers: 6 classes of 10, in turn."""
    numbers = np.arange(60, dtype=np.uint8)
    images = np.broadcast_to(numbers[:, None, None, None], (60, 4, 4, 3))
    return images.copy(), np.arange(60) % 6
