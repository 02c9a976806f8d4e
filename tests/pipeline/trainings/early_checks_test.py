"""What is wrong with a target config, found before TensorFlow is imported."""

import pytest

from configs.target import pretrained
from configs.tune import methods
from pipeline.trainings import early_checks


@pytest.fixture
def config(source):
    config = pretrained.get_config("MobileNetV3Small,smoke")
    config.data.source = source
    return config


class CheckTest:
    def test_weights_that_are_not_there_are_named(self, config, tmp_path):
        config.pretrained.weights = str(tmp_path / "none.h5")
        message = "pretrained.weights(.|\n)*none.h5'.*not exist"
        with pytest.raises(FileNotFoundError, match=message):
            early_checks.check(config)
        config.pretrained.weights = "imagenet"
        early_checks.check(config)

    def test_a_run_that_has_begun_needs_no_file(self, config, tmp_path):
        config.pretrained.weights = "none.h5"
        (tmp_path / "result.json").write_text("{}")
        early_checks.check(config, tmp_path)

    def test_a_comparison_s_target_is_checked_too(self, source):
        config = methods.get_config("conv4,smoke")
        config.target.data.source = source
        config.target.network = "MobileNetV3Smal"
        with pytest.raises(ValueError, match="mean 'MobileNetV3Small'"):
            early_checks.check(config)
