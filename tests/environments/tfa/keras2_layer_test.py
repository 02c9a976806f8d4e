"""φ in one `tf.keras` layer: its numbers, its state, what it refuses."""

import pathlib
import sys

import keras2_layer
import numpy as np
import pytest
import tensorflow as tf


def make_layer(path, seed=0, **arguments):
    return keras2_layer.MetaPerturbLayer(path, 6, 8, seed, **arguments)


def draw(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.fixture
def case(request, exported):
    """A case of the export, with its arrays."""
    arrays = {
        key.partition("/")[2]: array
        for key, array in exported["arrays"].items()
        if key.startswith(f"{request.param['name']}/")
    }
    return {**request.param, **arrays}


@pytest.fixture
def trained(case, artifacts):
    """A layer after the training calls of a case, and their outputs."""
    layer = keras2_layer.MetaPerturbLayer(
        artifacts / case["phi"],
        case["channel_norm"],
        case["spatial_norm"],
        case["seed"],
    )
    layer.build(case["shape"])
    layer.noise_coefficient.assign(case["noise_coefficient"])
    return layer, [layer(batch, training=True) for batch in case["inputs"]]


def assert_near(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


class ParityTest:
    def test_training_form_equals_the_native_layer(self, case, trained):
        assert_near(trained[1], case["training_outputs"])

    def test_moving_statistics_equal_the_native_layer(self, case, trained):
        assert_near(trained[0].moving_mean, case["moving_mean"])
        assert_near(trained[0].moving_variance, case["moving_variance"])

    def test_test_form_equals_the_native_layer(self, case, trained):
        outputs = trained[0](case["inputs"][0], training=False)
        assert_near(outputs, case["test_outputs"])


class LayerTest:
    def test_runs_without_mp_keras(self, artifacts):
        make_layer(artifacts / "drawn")(draw(2, 8, 8, 3))
        assert "mp_keras" not in sys.modules

    def test_every_call_draws_new_noise(self, artifacts):
        layer, images = make_layer(artifacts / "drawn"), draw(2, 8, 8, 3)
        first, second = layer(images).numpy(), layer(images).numpy()
        assert np.all(first != second)
        layer.calls.assign(0)
        np.testing.assert_array_equal(layer(images), first)

    def test_seeds_drawn_follow_the_global_seed(self, artifacts):
        path = artifacts / "drawn"
        seeds = [make_layer(path, None).seed for _ in range(2)]
        tf.keras.utils.set_random_seed(0)
        assert make_layer(path, None).seed == seeds[0] != seeds[1]

    def test_gradient_goes_through_and_leaves_phi(self, artifacts):
        layer = make_layer(artifacts / "drawn")
        images = tf.constant(draw(4, 8, 8, 3))
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(layer(images, training=True) ** 2)
        gradient = tape.gradient(loss, images)
        assert np.all(np.isfinite(gradient)) and np.all(gradient != 0)
        assert layer.trainable_weights == []

    def test_half_precision_keeps_its_state_in_float32(self, artifacts):
        layer = make_layer(artifacts / "drawn", dtype="mixed_bfloat16")
        outputs = layer(draw(2, 8, 8, 3), training=True)
        assert outputs.dtype == tf.bfloat16
        assert layer.moving_mean.dtype == tf.float32
        assert layer.noise_coefficient.dtype == tf.float32

    def test_replicas_draw_different_noise(self, artifacts):
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        with strategy.scope():
            layer = make_layer(artifacts / "drawn")
            layer.build((None, 8, 8, 3))
        step = tf.function(lambda: layer(tf.ones((1, 8, 8, 3)), training=True))
        outputs = strategy.experimental_local_results(strategy.run(step))
        again = strategy.experimental_local_results(strategy.run(step))
        for one, other in zip((*outputs, outputs[0]), (*again, outputs[1])):
            assert np.mean(one.numpy() != other.numpy()) > 0.9
        assert layer.calls.numpy() == 2

    def test_equal_folders_are_loaded_once(self, artifacts):
        one, two = (make_layer(artifacts / "drawn") for _ in range(2))
        assert one.phi is two.phi

    def test_relative_path_is_accepted(self, artifacts, monkeypatch):
        monkeypatch.chdir(artifacts)
        layer = make_layer("drawn")
        assert layer.packed == make_layer(artifacts / "drawn").packed


class BadInputTest:
    def test_path_without_saved_model(self, tmp_path):
        with pytest.raises(ValueError, match="`path` must be a SavedModel"):
            make_layer(tmp_path)

    def test_other_saved_model(self, tmp_path):
        tf.saved_model.save(tf.Module(), str(tmp_path))
        with pytest.raises(ValueError, match="endpoints `train` and `test`"):
            make_layer(tmp_path)

    def test_neither_path_nor_packed_nor_both(self, artifacts):
        with pytest.raises(ValueError, match="one of the arguments `path`"):
            make_layer(None)
        path = artifacts / "drawn"
        packed = make_layer(path).packed
        with pytest.raises(ValueError, match="packed as well"):
            make_layer(path, packed=packed)

    @pytest.mark.parametrize("name", ["channel_norm", "spatial_norm"])
    def test_norm_that_is_not_positive(self, name, artifacts):
        with pytest.raises(ValueError, match=f"Received: {name}=-1"):
            keras2_layer.MetaPerturbLayer(artifacts / "drawn", **{name: -1})

    @pytest.mark.parametrize("shape", [(8, 3), (8, 8, None)])
    def test_input_that_is_no_feature_map(self, shape, artifacts):
        with pytest.raises(ValueError, match=r"known channels. Received: sha"):
            make_layer(artifacts / "drawn")(tf.keras.Input(shape))


class FileTest:
    def test_layer_is_one_file_of_tensorflow_and_standard_library(self):
        source = pathlib.Path(keras2_layer.__file__).read_text()
        imported = {
            line.split()[1].partition(".")[0]
            for line in source.splitlines()
            if line.startswith(("import ", "from "))
        }
        assert imported - sys.stdlib_module_names == {"tensorflow"}
