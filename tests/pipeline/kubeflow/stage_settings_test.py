"""What an image may be called; the settings arrive in definition_test.py."""

import pytest

from pipeline.kubeflow import stage_settings

DIGEST = "a@sha256:" + 64 * "0"


class CheckImageTest:
    @pytest.mark.parametrize(
        "image",
        ["a:1", "mp-keras-python:0.1.0", "reg.example:5000/a/b:v1_x", DIGEST],
    )
    def test_definite(self, image):
        assert stage_settings.check_image(image) == image

    @pytest.mark.parametrize(
        "image",
        ["", "a", "reg.example:5000/a", "a:", "A b:1", "a:1 2", DIGEST[:-1]],
    )
    def test_without_tag_or_not_a_name(self, image):
        with pytest.raises(ValueError, match="must be NAME:TAG or NAME@sha256"):
            stage_settings.check_image(image)
