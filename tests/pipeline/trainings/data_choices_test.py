"""What the data decide of a config."""

import numpy as np
import pytest
from PIL import Image

from configs.target import default
from pipeline.trainings import data_choices


def config_for(source, **changes):
    config = default.get_config("conv4")
    config.data.source = source
    zeros = dict.fromkeys(data_choices.KEYS, 0)
    config.update({**zeros, **changes})
    return config


@pytest.fixture
def folder(tmp_path):
    """Two classes of 50 images of 70×100 pixels, of which 64 are trained."""
    for name in "ab":
        (tmp_path / name).mkdir()
        for index in range(50):
            image = Image.new("RGB", (100, 70), (index, 0, 0))
            image.save(tmp_path / name / f"{index}.png")
    return f"folder:{tmp_path}"


class ChooseTest:
    @pytest.mark.parametrize(
        ("step", "changes", "expected"),
        [
            (0.01, {}, {"batch_size": 16, "steps": 1200, "image_size": 64}),
            (1.0, {}, {"batch_size": 16, "steps": 1200, "image_size": 32}),
            (2.0, {}, {"batch_size": 16, "steps": 700, "image_size": 32}),
            (9.0, {}, {"batch_size": 16, "steps": 500, "image_size": 32}),
            (
                1.0,
                {"minutes": 120.0, "steps": 900, "batch_size": 7},
                {"image_size": 64},
            ),
            (2.0, {"steps": 900}, {"batch_size": 16, "image_size": 32}),
            (0.01, {"image_size": 8}, {"batch_size": 16, "steps": 1200}),
        ],
    )
    def test_follows_images_and_time(self, folder, step, changes, expected):
        asked = []

        def seconds_per_step(config, classes):
            asked.append((config.batch_size, config.image_size, classes))
            return step

        config = config_for(folder, **changes)
        found = data_choices.choose(config, None, None, seconds_per_step)
        assert found == expected
        ((batch_size, size, classes),) = asked
        assert batch_size == expected.get("batch_size", 7)
        assert (size, classes) == (changes.get("image_size", 32), 2)

    def test_nothing_is_asked_where_nothing_is_0(self):
        config = default.get_config()
        config.data.source = "folder:none"
        assert data_choices.choose(config, None, None, None) == {}

    def test_images_of_no_file_are_counted(self, source):
        config = config_for(source, steps=100)
        found = data_choices.choose(config, None, None, None)
        # 48 training images of 16 pixels, of which 38 are trained.
        assert found == {"batch_size": 8, "image_size": 32}

    @pytest.mark.parametrize(
        ("examples", "batch_size", "steps"),
        [(3, 1, 900), (64, 16, 1200), (784, 64, 3700), (10**6, 64, 10_000)],
    )
    def test_batch_and_steps(self, examples, batch_size, steps):
        assert data_choices.batch_size_for(examples) == batch_size
        assert data_choices.steps_for(examples, batch_size) == steps

    @pytest.mark.parametrize(
        ("original", "sizes"),
        [
            (None, [32]),
            ((20, 50), [32]),
            ((64, 500), [32, 64]),
            (np.array([480, 640]), [32, 64, 96]),
        ],
    )
    def test_sizes_are_those_that_images_fill(self, original, sizes):
        assert data_choices.sizes_for(original) == sizes
