"""Conv4 and Conv6: their sizes, their layers and their positions."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras.perturbation import positions_of
from tests.networks import examples


class Conv4Test:
    def test_parameter_counts_by_hand(self):
        model = mp_keras.networks.Conv4(10)
        blocks = (27 + 3 * 9 * 64) * 64 + 4 * (64 + 2 * 64)  # kernels, rest
        assert blocks + (2 * 2 * 64 + 1) * 10 == 115_658
        assert examples.trained_parameters(model) == 115_658
        assert model.count_params() == 115_658 + 4 * 2 * 64

    def test_phi_adds_no_trained_parameter(self, phi):
        model = mp_keras.networks.Conv4(10, perturbation=phi)
        assert examples.trained_parameters(model) == 115_658
        added = 4 * (82 + 2 * 4 * 64 + 1)
        assert model.count_params() == 116_170 + added

    def test_layers_follow_the_paper(self, phi):
        model = mp_keras.networks.Conv4(10, perturbation=phi)
        block = [
            keras.layers.Conv2D,
            keras.layers.BatchNormalization,
            mp_keras.MetaPerturbLayer,
            keras.layers.ReLU,
            keras.layers.MaxPooling2D,
        ]
        end = [keras.layers.Flatten, keras.layers.Dense]
        assert [type(layer) for layer in model.layers[1:]] == 4 * block + end

    @pytest.mark.parametrize("channels", [64, 8])
    def test_positions(self, phi, channels):
        model = mp_keras.networks.Conv4(
            3, (48, 32, 3), phi, channels=channels, seed=7, stochastic=False
        )
        found = positions_of(model)
        assert [position.seed for position in found] == [7, 8, 9, 10]
        for position in found:
            assert position.channel_norm == channels
            assert position.spatial_norm == 48
            assert not position.stochastic
        heights = [position.input.shape[1] for position in found]
        assert heights == [48, 24, 12, 6]

    @pytest.mark.parametrize("size", [16, 33, 84, 96])
    def test_outputs_are_logits(self, size):
        model = mp_keras.networks.Conv4(5, (size, size, 1), channels=4)
        outputs = model(np.ones((2, size, size, 1), "float32"))
        assert outputs.shape == (2, 5)
        assert model.layers[-1].activation is keras.activations.linear

    def test_saved_model_gives_equal_outputs(self, phi, tmp_path):
        model = mp_keras.networks.Conv4(3, (16, 16, 3), phi, channels=4)
        examples.assert_reloads(model, tmp_path)

    def test_logits_stay_float32_in_mixed_precision(self, phi):
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            model = mp_keras.networks.Conv4(3, (16, 16, 3), phi, channels=4)
        finally:
            keras.config.set_dtype_policy("float32")
        assert positions_of(model)[0].compute_dtype == "bfloat16"
        outputs = model(np.ones((2, 16, 16, 3), "float32"))
        assert keras.backend.standardize_dtype(outputs.dtype) == "float32"

    def test_too_few_classes(self):
        with pytest.raises(ValueError, match="`classes` must be at least 2"):
            mp_keras.networks.Conv4(1)

    @pytest.mark.parametrize("shape", [(32, 15, 3), (None, 32, 3)])
    def test_too_small_images(self, shape):
        with pytest.raises(ValueError, match="at least 16 pixels"):
            mp_keras.networks.Conv4(2, shape)

    def test_location(self, phi):
        model = mp_keras.networks.Conv4(2, (16, 16, 3), phi, "top")
        assert examples.names(model) == ["meta_perturb_3"]

    def test_layers_of_a_function(self):
        model = mp_keras.networks.Conv4(
            2,
            (16, 16, 3),
            lambda index: keras.layers.Rescaling(index, name=f"at_{index}"),
            channels=4,
        )
        for index in range(4):
            rescaling = model.get_layer(f"at_{index}")
            assert rescaling.scale == index
            assert examples.operations_around(rescaling) == (
                keras.layers.BatchNormalization,
                keras.layers.ReLU,
            )


class Conv6Test:
    @pytest.mark.parametrize(("variant", "last"), [("code", 2), ("paper", 1)])
    def test_parameter_counts_by_hand(self, variant, last):
        model = mp_keras.networks.Conv6(10, variant=variant)
        blocks = (27 + 5 * 9 * 64) * 64 + 6 * (64 + 2 * 64)  # kernels, rest
        count = blocks + (last * last * 64 + 1) * 10
        assert examples.trained_parameters(model) == count
        assert model.count_params() == count + 6 * 2 * 64
        assert model.name == "conv6"

    @pytest.mark.parametrize(
        ("variant", "blocks"), [("code", "1122"), ("paper", "11211")]
    )
    def test_layers_follow_the_variant(self, phi, variant, blocks):
        model = mp_keras.networks.Conv6(
            2, perturbation=phi, channels=4, variant=variant
        )
        block = "Conv2D BatchNormalization MetaPerturbLayer ReLU ".split()
        expected = ["InputLayer"]
        for number in blocks:
            expected += int(number) * block + ["MaxPooling2D"]
        kinds = [type(layer).__name__ for layer in model.layers]
        assert kinds == [*expected, "Flatten", "Dense"]

    def test_positions(self, phi):
        model = mp_keras.networks.Conv6(3, (84, 84, 3), phi)
        heights = [height for height, _, _ in examples.shapes(model)]
        assert heights == [84, 42, 21, 21, 10, 10]
        assert examples.norms(model) == {(64, 84)}

    @pytest.mark.parametrize(
        ("variant", "numbers"),
        [("code", (0, 1, 3, 5)), ("paper", (0, 1, 3, 4, 5))],
    )
    def test_location(self, phi, variant, numbers):
        model = mp_keras.networks.Conv6(
            2, (32, 32, 3), phi, "before_pooling", channels=4, variant=variant
        )
        assert examples.names(model) == [f"meta_perturb_{i}" for i in numbers]

    def test_unknown_variant(self):
        with pytest.raises(ValueError, match="'code', 'paper'.*'ours'"):
            mp_keras.networks.Conv6(2, variant="ours")

    @pytest.mark.parametrize(
        ("variant", "least"), [("code", 16), ("paper", 32)]
    )
    def test_too_small_images(self, variant, least):
        shape = (least, least - 1, 3)
        with pytest.raises(ValueError, match=f"at least {least} pixels"):
            mp_keras.networks.Conv6(2, shape, variant=variant)
