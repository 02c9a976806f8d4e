"""The config of a small pipeline."""

import pytest

from configs.pipeline import demo


@pytest.fixture
def config(source):
    config = demo.get_config("smoke")
    config.source.data.source = source
    config.target.data.source = source
    return config
