"""φ in KerasHub's backbones and beside KerasTuner, in their environment."""

import keras
import numpy as np
import pytest

import mp_keras
from tests.environments import markdown_code
from tests.perturbation import insertions

keras_hub = pytest.importorskip("keras_hub")
pytest.importorskip("keras_tuner")


def resnet(**options):
    arguments = {
        "input_conv_filters": [16],
        "input_conv_kernel_sizes": [3],
        "stackwise_num_filters": [64, 128],
        "stackwise_num_blocks": [2, 3],
        "stackwise_num_strides": [1, 2],
        "block_type": "bottleneck_block",
        "image_shape": (32, 32, 3),
    }
    return keras_hub.models.ResNetBackbone(**{**arguments, **options})


def densenet():
    return keras_hub.models.DenseNetBackbone(
        [2, 3], growth_rate=8, image_shape=(32, 32, 3)
    )


def vgg():
    return keras_hub.models.VGGBackbone(
        [2, 3], [8, 16], image_shape=(32, 32, 3)
    )


def efficientnet(kinds):
    """Two stages of two blocks; the first of each has no skip."""
    return keras_hub.models.EfficientNetBackbone(
        stackwise_width_coefficients=[1.0] * 2,
        stackwise_depth_coefficients=[1.0] * 2,
        stackwise_kernel_sizes=[3] * 2,
        stackwise_num_repeats=[2] * 2,
        stackwise_input_filters=[32, 16],
        stackwise_output_filters=[16, 24],
        stackwise_expansion_ratios=[1, 4],
        stackwise_squeeze_and_excite_ratios=[0.25] * 2,
        stackwise_strides=[1, 2],
        stackwise_block_types=kinds,
        stackwise_force_input_filters=[0] * 2,
        stackwise_nores_option=[False] * 2,
        input_shape=(32, 32, 3),
    )


def mobilenet():
    return keras_hub.models.MobileNetBackbone(
        stackwise_expansion=[[16, 24], [32, 32]],
        stackwise_num_blocks=[2, 2],
        stackwise_num_filters=[[8, 8], [16, 16]],
        stackwise_kernel_size=[[3, 3], [5, 5]],
        stackwise_num_strides=[[2, 1], [2, 1]],
        stackwise_se_ratio=[[None, None], [0.25, 0.25]],
        stackwise_activation=[["relu", "relu"], ["hard_swish"] * 2],
        stackwise_padding=[[1, 1], [2, 2]],
        output_num_filters=32,
        input_activation="hard_swish",
        output_activation="hard_swish",
        input_num_filters=16,
        image_shape=(32, 32, 3),
        depthwise_filters=8,
        depthwise_stride=2,
        depthwise_residual=False,
        squeeze_and_excite=0.5,
        last_layer_filter=64,
    )


class BackbonesTest:
    @pytest.mark.filterwarnings("ignore:Model")
    @pytest.mark.parametrize(
        ("make", "count"),
        [
            (resnet, 5),
            (lambda: resnet(use_pre_activation=True), 5),
            (lambda: resnet(block_type="basic_block_vd"), 5),
            (densenet, 5),
            (vgg, 5),
            (lambda: efficientnet(["v1"] * 2), 4),
            (lambda: efficientnet(["fused", "unfused"]), 4),
            (mobilenet, 5),
        ],
    )
    def test_one_position_in_each_block_of_an_exact_copy(
        self, make, count, phi
    ):
        backbone = make()
        assert len(mp_keras.find_positions(backbone)) == count
        perturbed = mp_keras.perturb_model(backbone, phi)
        insertions.assert_same_network(
            backbone, perturbed, insertions.images(32)
        )

    def test_page_puts_phi_around_a_backbone(self):
        names = markdown_code.run("fine_tuning.md", "KerasHub")
        assert [each.rule for each in names["positions"]] == ["addition"] * 4

    def test_task_that_preprocesses_in_fit_is_refused(self, phi):
        task = keras_hub.models.ImageClassifier(
            backbone=resnet(), num_classes=3
        )
        with pytest.raises(ValueError, match="overrides .*fit"):
            mp_keras.perturb_model(task, phi)


class TunerTest:
    def test_page_trains_the_winner_with_whole_noise(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.chdir(tmp_path)
        names = markdown_code.run("callbacks.md", "KerasTuner")
        assert set(names["best"].values) == {"channels"}
        position = names["model"].get_layer("meta_perturb_0")
        assert float(np.array(position.noise_coefficient)) == 1
        assert isinstance(names["model"], keras.Model)
