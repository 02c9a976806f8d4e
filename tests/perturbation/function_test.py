"""φ itself: its 82 numbers and the parts it computes."""

import numpy as np
import pytest
from keras import ops

import mp_keras
from mp_keras.perturbation import function
from tests import small_networks
from tests.perturbation import examples


@pytest.fixture
def values():
    return small_networks.random_phi().values()


class NumbersTest:
    def test_there_are_82(self):
        phi = mp_keras.PerturbationFunction()
        assert sum(np.prod(weight.shape) for weight in phi.weights) == 82
        assert len(phi.trainable_weights) == 6
        assert {weight.name for weight in phi.weights} == set(
            function.WEIGHT_SHAPES
        )

    def test_fresh_numbers_are_normal(self):
        numbers = np.concatenate(
            [
                array.ravel()
                for seed in range(50)
                for array in mp_keras.PerturbationFunction(seed=seed)
                .values()
                .values()
            ]
        )  # 4,100 draws: the mean's standard error is 1.6e-4
        assert abs(numbers.mean()) < 5e-4
        np.testing.assert_allclose(numbers.std(), 0.01, rtol=0.04)

    def test_spread_is_an_argument_and_part_of_the_config(self):
        narrow = mp_keras.PerturbationFunction(seed=3)
        wide = mp_keras.PerturbationFunction(seed=3, stddev=0.1)
        for name, array in wide.values().items():
            np.testing.assert_allclose(
                array, 10 * narrow.values()[name], rtol=1e-5
            )
        again = mp_keras.PerturbationFunction.from_config(wide.get_config())
        assert again.stddev == 0.1

    @pytest.mark.parametrize("stddev", [-0.1, float("inf"), float("nan")])
    def test_wrong_spread_raises(self, stddev):
        with pytest.raises(ValueError, match=f"stddev={stddev}"):
            mp_keras.PerturbationFunction(stddev=stddev)

    def test_seed_repeats_fresh_numbers_and_kernels_differ(self):
        first = mp_keras.PerturbationFunction(seed=3).values()
        again = mp_keras.PerturbationFunction(seed=3).values()
        other = mp_keras.PerturbationFunction(seed=4).values()
        for name in function.WEIGHT_SHAPES:
            np.testing.assert_array_equal(first[name], again[name])
            assert np.any(first[name] != other[name])
        assert np.any(first["noise_self_1"] != first["noise_all_1"])

    def test_values_come_back(self, values):
        phi = mp_keras.PerturbationFunction()
        phi.set_values(values)
        for phi_again in (phi, mp_keras.PerturbationFunction(phi.values())):
            for name, array in phi_again.values().items():
                assert array.dtype == "float32"
                np.testing.assert_array_equal(array, values[name])

    def test_config_round_trip(self):
        phi = mp_keras.PerturbationFunction(seed=5, name="phi")
        again = mp_keras.PerturbationFunction.from_config(phi.get_config())
        assert (again.seed, again.name) == (5, "phi")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"scale_head": np.ones(9)}, r"finite with shape \(10,\)"),
            ({"noise_all_2": np.full((3, 3), np.nan)}, "finite=False"),
            ({"noise_self_1": np.full((3, 3), np.inf)}, "finite=False"),
            ({"bias": np.ones(1)}, "Received: values with .*bias"),
        ],
    )
    def test_wrong_values_change_nothing(self, values, change, message):
        phi = mp_keras.PerturbationFunction(seed=0)
        before = phi.values()
        with pytest.raises(ValueError, match=message):
            phi.set_values({**values, **change})
        for name, array in phi.values().items():
            np.testing.assert_array_equal(array, before[name])

    def test_missing_value(self, values):
        del values["scale_head"]
        with pytest.raises(ValueError, match="must have exactly the weights"):
            mp_keras.PerturbationFunction(values)


class NoiseMeanTest:
    @pytest.mark.parametrize("batch", [1, 5])
    def test_form_of_training_is_the_same(self, values, batch):
        features = examples.feature_maps(batch, 6, 5, 3)
        phi = mp_keras.PerturbationFunction(values)
        np.testing.assert_allclose(
            phi.noise_mean(features, training=True),
            phi.noise_mean(features),
            atol=1e-5,
        )

    def test_permuted_channels_permute_it(self, values):
        phi = mp_keras.PerturbationFunction(values)
        features = examples.feature_maps(2, 6, 5, 8)
        order = np.random.default_rng(2).permutation(8)
        np.testing.assert_allclose(
            phi.noise_mean(features[..., order]),
            ops.convert_to_numpy(phi.noise_mean(features))[..., order],
            atol=1e-5,
        )

    def test_each_channel_sees_the_mean_of_all(self, values):
        phi = mp_keras.PerturbationFunction(values)
        features = examples.feature_maps(1, 6, 6, 4)
        moved = features.copy()
        moved[..., 3] += 1
        difference = phi.noise_mean(moved) - phi.noise_mean(features)
        assert np.all(
            np.max(np.abs(np.array(difference)), axis=(0, 1, 2)) > 1e-3
        )
        phi.noise_all_1.assign(np.zeros((3, 3)))
        phi.noise_all_2.assign(np.zeros((3, 3)))
        difference = phi.noise_mean(moved) - phi.noise_mean(features)
        assert np.all(ops.convert_to_numpy(difference)[..., :3] == 0)


class ScaleTest:
    def test_scale_by_hand(self, values):
        values["scale_head"] = np.arange(10) / 10
        phi = mp_keras.PerturbationFunction(values)
        mean = np.full((2, 4), [[1.0], [0.0]])
        variance = np.full((2, 4), [[0.0], [1.0]])
        scale = phi.scale(mean, variance, 0.5, 0.25)
        ratios = 0.5 * 0.8 + 0.25 * 0.9
        first, second = 0.0 + 0.1 + 0.2 + 0.3, 0.4 + 0.5 + 0.6 + 0.7
        expected = [1 / (1 + np.exp(-x - ratios)) for x in (first, second)]
        np.testing.assert_allclose(scale, expected, rtol=1e-6)

    def test_statistics_of_a_batch(self):
        features = examples.feature_maps(5, 3, 4)
        mean, variance = function.batch_statistics(features)
        np.testing.assert_allclose(mean, features.mean(0), atol=1e-6)
        np.testing.assert_allclose(variance, features.var(0, ddof=1), rtol=1e-5)

    def test_one_example_has_variance_zero(self):
        features = examples.feature_maps(1, 3, 4)
        mean, variance = function.batch_statistics(features)
        np.testing.assert_array_equal(mean, features[0])
        np.testing.assert_array_equal(variance, np.zeros((3, 4)))


class PerturbTest:
    @pytest.mark.parametrize("training", [False, True])
    def test_equation_2_and_the_clip(self, training):
        features = np.array([-300.0, 10.0, 300.0], "float32")
        noise = np.array([0.0, 1.0, 2.0], "float32")
        expected = features * (1 + 0.5 * (0.8 * noise - 1))
        if training:
            assert expected[2] > 100
            expected = np.minimum(expected, 100)
        shape = (3, 1, 1, 1)
        actual = function.perturb(
            ops.reshape(features, shape),
            ops.reshape(noise, shape),
            ops.ones((1,)) * 0.8,
            0.5,
            training,
        )
        np.testing.assert_allclose(np.ravel(actual), expected, rtol=1e-6)
