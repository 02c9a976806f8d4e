"""DropBlock against the formula and the drawing of its paper."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras import baselines
from tests import small_networks


def draw(rate, block, shape=(64, 12, 12, 32), coefficient=1.0):
    layer = baselines.DropBlock(rate, block, seed=0)
    layer.build(shape)
    layer.noise_coefficient.assign(coefficient)
    ones = np.ones(shape, "float32")
    return (
        layer,
        np.array(layer.draw_mask(ones)),
        np.array(layer(ones, training=True)),
    )


def blocks_by_hand(seeds, block):
    """Every seed's block, its centre being the seed."""
    mask = np.ones_like(seeds)
    before = (block - 1) // 2
    for b, y, x, c in np.argwhere(seeds):
        top, left = y - before, x - before
        mask[b, top : top + block, left : left + block, c] = 0
    return mask


class MaskTest:
    @pytest.mark.parametrize(("rate", "block"), [(0.1, 1), (0.1, 3), (0.05, 7)])
    def test_dropped_share_is_the_rate(self, rate, block):
        _, mask, _ = draw(rate, block)
        # gamma neglects overlapping blocks: a little less than the rate.
        share = 1 - (1 - rate / block**2) ** (block**2)
        assert mask.mean() == pytest.approx(1 - share, abs=0.012)

    @pytest.mark.parametrize("block", [1, 2, 3, 4, 7])
    def test_regions_are_the_blocks_around_the_seeds(self, block, monkeypatch):
        shape = (3, 9, 8, 2)
        draws = np.random.default_rng(block).uniform(size=shape)
        draws = draws.astype("float32")
        rate = 0.2 if block < 7 else 0.8  # a large block has few places
        layer = baselines.DropBlock(rate, block, seed=0)
        layer.build(shape)
        tensor = keras.ops.convert_to_tensor(draws)
        monkeypatch.setattr(keras.random, "uniform", lambda *a, **k: tensor)
        mask = np.array(layer.draw_mask(np.ones(shape, "float32")))
        valid = (9 - block + 1) * (8 - block + 1)
        seeds = (draws < rate / block**2 * 72 / valid).astype("float32")
        before, after = (block - 1) // 2, block // 2
        inside = np.zeros(shape)
        inside[:, before : 9 - after, before : 8 - after] = 1
        expected = blocks_by_hand(seeds * inside, block)
        np.testing.assert_array_equal(mask, expected)
        assert 0 < mask.mean() < 1

    def test_block_larger_than_the_map_drops_it_whole(self):
        _, mask, _ = draw(0.3, 7, shape=(50, 4, 4, 20))
        each = mask.mean(axis=(1, 2))
        assert set(np.unique(each)) == {0.0, 1.0}
        assert each.mean() == pytest.approx(0.7, abs=0.05)

    def test_coefficient_scales_the_rate(self):
        _, mask, _ = draw(0.2, 1, coefficient=0.25)
        assert mask.mean() == pytest.approx(0.95, abs=0.005)


class CallTest:
    def test_mean_is_kept(self):
        _, _, outputs = draw(0.2, 3)
        assert outputs.mean() == pytest.approx(1.0, abs=1e-4)
        assert np.any(outputs == 0)

    @pytest.mark.parametrize(
        "dtype", ["float16", "bfloat16", "float64", "mixed_float16"]
    )
    def test_every_policy_drops_the_same(self, dtype):
        h = small_networks.draw_images(3, 9, 8, 4)
        expected, actual = (
            baselines.DropBlock(0.3, 3, seed=0, dtype=policy)(h, training=True)
            for policy in ("float32", dtype)
        )
        compute = dtype.removeprefix("mixed_")
        assert actual.dtype == keras.ops.cast(h, compute).dtype
        actual = np.array(keras.ops.cast(actual, "float32"))
        np.testing.assert_array_equal(actual == 0, np.array(expected) == 0)
        rtol = {"float64": 1e-6, "bfloat16": 0.02}.get(compute, 0.003)
        np.testing.assert_allclose(actual, expected, rtol=rtol)
        assert np.any(actual == 0)

    @pytest.mark.parametrize("floatx", ["float16", "float64"])
    def test_every_floatx_draws_the_same(self, floatx):
        _, expected, _ = draw(0.3, 3, shape=(2, 8, 8, 3))
        keras.config.set_floatx(floatx)
        try:
            _, actual, _ = draw(0.3, 3, shape=(2, 8, 8, 3))
        finally:
            keras.config.set_floatx("float32")
        np.testing.assert_array_equal(actual, expected)

    def test_test_mode_and_coefficient_zero_are_the_identity(self):
        layer, _, _ = draw(0.5, 3)
        h = np.random.default_rng(0).normal(size=(2, 12, 12, 32))
        np.testing.assert_array_equal(layer(h), h.astype("float32"))
        layer.noise_coefficient.assign(0.0)
        np.testing.assert_allclose(layer(h, training=True), h, rtol=1e-6)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"rate": 1.0}, "`rate` must be in.*rate=1.0"),
            ({"rate": 0.1, "block_size": 0}, "`block_size`.*block_size=0"),
        ],
    )
    def test_wrong_argument_raises(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            baselines.DropBlock(**arguments)

    def test_unknown_height_raises(self):
        with pytest.raises(ValueError, match="known height"):
            baselines.DropBlock(0.1)(keras.Input((None, 8, 3)))


class ModelTest:
    def test_schedule_raises_the_rate_over_the_whole_training(self):
        network = baselines.drop_block_model(
            mp_keras.networks.Conv4(3, (16, 16, 3), channels=4), 0.1, 3, seed=0
        )
        layers = [
            layer
            for layer in network.layers
            if isinstance(layer, baselines.DropBlock)
        ]
        assert [layer.seed for layer in layers] == [0, 1, 2, 3]
        network.compile("sgd", "mse")
        seen = []
        probe = keras.callbacks.LambdaCallback(
            on_train_batch_begin=lambda batch, logs: seen.append(
                float(layers[0].noise_coefficient)
            )
        )
        images = small_networks.draw_images(8, 16, 16, 3)
        network.fit(
            images,
            np.zeros((8, 3)),
            batch_size=2,
            epochs=2,
            callbacks=[mp_keras.NoiseAnnealing(ramp=1), probe],
            verbose=0,
        )
        np.testing.assert_allclose(seen, np.arange(8) / 8)

    def test_saved_model_predicts_the_same(self, tmp_path):
        plain = mp_keras.networks.Conv4(3, (16, 16, 3), channels=4)
        network = baselines.drop_block_model(plain, 0.1, 3)
        images = small_networks.draw_images(2, 16, 16, 3)
        np.testing.assert_allclose(network(images), plain(images), rtol=1e-5)
        network.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(loaded(images), network(images))
