"""What is wrong with a target config, found before TensorFlow is imported."""

import pytest
from PIL import Image

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


class CheckEvaluationTest:
    @pytest.fixture
    def images(self, tmp_path):
        for name in ("train/a/1.png", "test/b/2.png"):
            (tmp_path / "new" / name).parent.mkdir(parents=True)
            Image.new("RGB", (8, 8)).save(tmp_path / "new" / name)
        return tmp_path / "new"

    def check_table(self, images, text):
        (images / "x.csv").write_text(text)
        early_checks.check_evaluation(f"csv:{images / 'x.csv'}")

    @pytest.mark.parametrize(
        "text", ["1,a", "id,y\n1,a\n2,b", "id,y,split\n1,a,test"]
    )
    def test_one_image_and_one_class_are_enough(self, images, text):
        self.check_table(images, text)
        early_checks.check_evaluation(f"folder:{images / 'test'}")
        early_checks.check_evaluation(f"folder:{images}")

    def test_table_without_images_to_test_on(self, images):
        with pytest.raises(ValueError, match="say test, or val.*: train alone"):
            self.check_table(images, "id,y,split\n1,a,train")
        with pytest.raises(ValueError, match="Received: 3$"):
            self.check_table(images, "id,y\n1,a\n3,b")

    def test_test_part_without_images(self, images):
        (images / "test" / "c").mkdir()
        with pytest.raises(ValueError, match="test/c must hold at least one"):
            early_checks.check_evaluation(f"folder:{images}")
