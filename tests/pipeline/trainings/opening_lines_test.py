"""What a training says first."""

import numpy as np
import pytest

from configs.target import default
from pipeline.datasets import image_data
from pipeline.trainings import opening_lines


def say(warnings, counts, original, **changes):
    """Returns the warnings for a data set of so many images of each class."""
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.zeros((len(labels), 4, 4, 3), np.uint8)
    names = tuple("abcdefg"[: len(counts)])
    data = image_data.ImageData(
        images,
        labels,
        images[:224],
        labels[:224],
        class_names=names,
        original_size=original,
    )
    config = default.get_config()
    config.update(changes)
    validation = images[:9], labels[:9]
    opening_lines.print_target(config, data, validation)
    return warnings


class PrintTargetTest:
    def test_says_what_was_read(self, warnings, capsys):
        counts = [64, 190, 100, 100, 100, 130, 100]
        assert say(warnings, counts, (84, 90), steps=3000) == []
        assert capsys.readouterr().out == (
            "784 training, 9 validation, 224 test images, 7 classes (64 to 190 "
            "each), 90×84 → 32×32 px; φ tiny_imagenet_resnet20, resnet20; "
            "3,000 steps of 128 images\n"
        )

    def test_method_and_even_classes(self, warnings, capsys):
        say(warnings, [5, 5], None, method="base")
        said = capsys.readouterr().out
        assert "2 classes (5 each), 32×32 px; base, resnet20;" in said

    @pytest.mark.parametrize(
        ("original", "lost"), [((84, 84), 0), ((480, 640), 1), (None, 0)]
    )
    def test_lost_detail_is_warned_of(self, warnings, original, lost):
        say(warnings, [5, 5], original)
        assert len(warnings) == lost
        if lost:
            assert "640×480 px, 32×32 keep 0.3 % of the pixels" in warnings[0]

    @pytest.mark.parametrize(("most", "warned"), [(49, 0), (50, 1)])
    def test_imbalance_is_warned_of(self, warnings, most, warned):
        say(warnings, [20, 10, most], None)
        assert len(warnings) == warned
        if warned:
            assert "c has 50 training images, b has 10" in warnings[0]
